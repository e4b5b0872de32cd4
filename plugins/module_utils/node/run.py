# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame around every program that is sent to a node: one call, one answer, one time limit."""

from __future__ import annotations

import importlib
import signal
from typing import TYPE_CHECKING, Any

from . import framing

if TYPE_CHECKING:
    from types import FrameType


class TimeLimitError(Exception):
    """The program did not end within its time."""


def run(nonce: str, entry: str, payload: dict[str, Any], seconds: int) -> None:
    """Call main(payload) of the module entry and emit what it returns.

    Whatever main raises ends the program with a traceback and no answer: the controller then
    reports its last line. seconds is the time limit of main; 0 means none.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeLimitError(f"{entry} did not end within {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    module = importlib.import_module("." + entry, __package__)
    answer = module.main(payload)
    signal.alarm(0)
    framing.emit(nonce, answer)
