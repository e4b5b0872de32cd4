# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that waits for others, done beside what the collector does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """A call in a thread of its own, which never keeps the program from its end."""

    def __init__(self, work: Callable[[], T]) -> None:
        """Begin. What work is expected to meet it handles itself."""
        self._work = work
        self._results: list[T] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._results.append(self._work())

    def result(self, seconds: float, otherwise: T) -> T:
        """Return what the call returned, or otherwise where it has not after seconds."""
        self._thread.join(seconds)
        return self._results[0] if self._results else otherwise
