# SPDX-License-Identifier: Apache-2.0
"""Say what is being done and how long it took, one line a step."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ALIVE_SECONDS = 60.0


def say(text: str) -> None:
    """Print one line at once, also where the output is a pipe."""
    print(text, flush=True)


@contextmanager
def step(title: str, *, slow: str = "") -> Iterator[None]:
    """Time what happens inside and print it when it ended well.

    Args:
        slow: Announces a step that takes minutes before it starts ("about 10 minutes on 2 cores");
            such a step also shows a sign of life every minute.
    """
    started = time.monotonic()
    ended = threading.Event()
    if slow:
        say(f"         {title}: {slow}")
        threading.Thread(target=_show_life, args=(title, started, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
    say(f"{time.monotonic() - started:7.1f} s {title}")


def _show_life(title: str, started: float, ended: threading.Event) -> None:
    while not ended.wait(ALIVE_SECONDS):
        say(f"         {title}: {(time.monotonic() - started) / 60:.0f} min so far")


def warn(text: str) -> None:
    """Print one line to standard error."""
    print(f"lab: {text}", file=sys.stderr, flush=True)
