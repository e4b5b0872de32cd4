# SPDX-License-Identifier: Apache-2.0
"""A real terminal (pty) for a command of cksharden, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CONTROL = re.compile(rb"\x1b\[([0-9;?]*)([A-Za-z])")
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Seen:
    """How a command ended, all that it wrote, and what is left of that for somebody who looks up."""

    code: int
    raw: bytes

    @property
    def screen(self) -> list[str]:
        """The lines that stay, the scrolled ones too: cursor up and erase line are carried out, colours dropped."""
        lines, row, place = [""], 0, 0
        while place < len(self.raw):
            if found := _CONTROL.match(self.raw, place):
                if found[2] == b"A":
                    row = max(0, row - int(found[1] or 1))
                elif found[2] == b"K":
                    lines[row] = ""
                place = found.end()
                continue
            end = re.compile(rb"[\x1b\r\n]|$").search(self.raw, place)
            assert end
            if end.start() > place:
                lines[row] += self.raw[place : end.start()].decode()
                place = end.start()
            elif self.raw[place : place + 1] == b"\n":
                row, place = row + 1, place + 1
                lines += [""] * (row + 1 - len(lines))
            else:
                place += 1
        return [line.rstrip() for line in lines]


def on_terminal(
    command: list[str],
    *,
    size: tuple[int, int] = (24, 80),
    env: Mapping[str, str] | None = None,
    typed: str = "",
    seconds: float = 60,
) -> Seen:
    """Run a Python command line on a terminal of (lines, columns); `typed` answers the first question."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
        environment |= {"TERM": "xterm", "PYTHONPATH": str(ROOT), **(env or {})}
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        os.execve(sys.executable, [sys.executable, *command], environment)
    raw, deadline = b"", time.monotonic() + seconds
    while select.select([terminal], [], [], deadline - time.monotonic())[0]:
        try:
            raw += os.read(terminal, 65536)
        except OSError:  # the other side has closed it
            break
        # Who asks waits, and throws away what was typed before; another line may be cut off behind a colon.
        if typed and raw.endswith(b": ") and not select.select([terminal], [], [], 0.5)[0]:
            os.write(terminal, typed.encode())
            typed = ""
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return Seen(os.waitstatus_to_exitcode(status), raw)
