# SPDX-License-Identifier: Apache-2.0
"""How the processes of a playbook end: at the user's wish, all of them, whatever ends us."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Self

from cksharden import ansible_launch


class Interruption:
    """Turns Ctrl-C and SIGTERM into a wish to stop, so that what was started can be ended first."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.wanted = True


def ending_with_us(command: list[str]) -> list[str]:
    """Return the command of ansible-playbook that ends at once, and with this process at the latest."""
    return [sys.executable, "-P", str(Path(ansible_launch.__file__)), *command]


def kill_the_rest(private: Path) -> None:
    """Kill what Ansible left: its workers have sessions of their own, which a killed parent does not end.

    They are known by the private directory in their environment.
    """
    if not sys.platform.startswith("linux"):
        return
    mark = os.fsencode(f"AWX_ISOLATED_DATA_DIR={private}/")
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)
        except OSError:
            continue  # it has ended, or is somebody else's
