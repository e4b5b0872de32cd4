# SPDX-License-Identifier: Apache-2.0
"""The stages of a long session: which one runs, how long each took, and a command that runs beside one."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import nox

# Stages that have ended, and their seconds.
_TOOK: list[tuple[str, float]] = []


def say(title: str) -> None:
    """Print a line that stands out in a long transcript."""
    print(f"\n── {title} {'─' * max(0, 96 - len(title))}", flush=True)


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Say which stage runs, and remember how long it took."""
    say(title)
    begun = time.monotonic()
    try:
        yield
    finally:
        _TOOK.append((title, time.monotonic() - begun))


@contextmanager
def timed() -> Iterator[None]:
    """Show at the end, also of a run that failed, how long each stage took."""
    begun = time.monotonic()
    try:
        yield
    finally:
        say("time of each stage, in minutes")
        for title, seconds in [*_TOOK, ("in all", time.monotonic() - begun)]:
            print(f"{int(seconds) // 60:5}:{int(seconds) % 60:02}  {title}")


@contextmanager
def beside(session: nox.Session, title: str, *command: str) -> Iterator[None]:
    """Run a command while the block runs, and show what it printed afterwards. A block that fails ends it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed, start_new_session=True)
        try:
            yield
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        say(title)
        printed.seek(0)
        print(printed.read(), flush=True)
    if code != 0:
        session.error(f"{title} ended with {code}")
