# SPDX-License-Identifier: Apache-2.0
"""Run commands of this machine, none of which outlives us."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from lab.errors import LabError

TAIL_LINES = 15

# A killed lab must leave nothing behind that still makes containers or writes to the cache.
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

_running: set[subprocess.Popen[bytes]] = set()
_interrupted = threading.Event()


def run(
    argv: Sequence[str | Path],
    *,
    expect: frozenset[int] | None = frozenset({0}),
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    finishes: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command and return its decoded output.

    Args:
        expect: Exit codes that are an answer; None takes any.
        timeout: Seconds after which the command is killed.
        finishes: It may end after us, and no interrupt reaches it: for commands that are short and
            leave a mess when they are cut off.

    Raises:
        LabError: Another exit code, or out of time; with the end of what it printed.
    """
    words = [str(word) for word in argv]
    shown = " ".join(words[:8]) + (" …" if len(words) > 8 else "")
    if _interrupted.is_set():
        raise LabError(f"interrupted before: {shown}")
    process = subprocess.Popen(
        words if finishes else [*_DIES_WITH_US, *words],
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=env,
        start_new_session=finishes,
    )
    out, err = _printed(process, shown, stdin, timeout, finishes=finishes)
    done = subprocess.CompletedProcess(
        words, process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
    )
    if expect is not None and done.returncode not in expect:
        printed = (done.stdout + done.stderr).strip().splitlines()[-TAIL_LINES:]
        tail = "\n".join(f"    {line}" for line in printed)
        raise LabError(f"exit code {done.returncode}: {shown}\n{tail}")
    return done


def _printed(
    process: subprocess.Popen[bytes],
    shown: str,
    stdin: bytes | None,
    timeout: float | None,
    *,
    finishes: bool,
) -> tuple[bytes, bytes]:
    """Return what a command printed until it ended; however this ends, it runs no more."""
    if not finishes:
        _running.add(process)
    try:
        return process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no answer within {timeout:.0f} s: {shown}") from error
    finally:
        if process.poll() is None:
            if not finishes:
                process.kill()
            process.communicate()
        _running.discard(process)


def end_on_signals() -> None:
    """Make an interrupt or a request to end stop the commands that run, in whatever thread, and us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _interrupted.set()
    for process in tuple(_running):
        process.kill()
    raise KeyboardInterrupt
