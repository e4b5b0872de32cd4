# SPDX-License-Identifier: Apache-2.0
"""How much memory a command and all that it starts take."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_PERIOD = 0.1
"""Seconds between two looks."""


class Peak:
    """Samples the memory of the children of this process, and of theirs, while the block runs.

    A page that several processes share counts once (PSS of smaps_rollup, Linux): Ansible's forks share
    most of theirs.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(_PERIOD):
            self.bytes = max(self.bytes, sum(map(_pss, _descendants(os.getpid()))))


def _descendants(pid: int) -> set[int]:
    """Return the processes that a process started, and theirs."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, before = {pid}, 0
    while len(found) > before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
