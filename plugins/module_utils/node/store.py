# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the transactions of a node live: BASE/<run>/<role>/{transaction.json,agent.py,journal,backup/}."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import journal

BASE = "/var/lib/cksharden"
KEPT_RUNS = 5
"""Backups of this many runs stay on a node."""

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")

Transaction = dict[str, Any]


class LockedError(Exception):
    """Another process works on the transactions of this node."""


class Kept(NamedTuple):
    """One transaction that a node keeps."""

    run: str
    role: str
    directory: str
    records: list[journal.Record]

    @property
    def closed(self) -> bool:
        """Tell whether it has ended."""
        return journal.is_closed(self.records)

    @property
    def outcome(self) -> str | None:
        """How it ended, None while it is open."""
        return str(self.records[-1]["data"]["outcome"]) if self.closed else None


def directory(base: str, run: str, role: str) -> str:
    """Return the directory of a transaction. Raises ValueError for a name that is none."""
    for name in (run, role):
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a run or a role")
    return os.path.join(base, run, role)


def make_base(base: str) -> None:
    """Make the directory of all runs. Raises OSError, also where somebody else made it."""
    os.makedirs(base, 0o700, exist_ok=True)
    status = os.lstat(base)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise OSError(f"{base} is not a directory of root's own")
    os.chmod(base, 0o700)


def kept(base: str) -> list[Kept]:
    """Return every transaction that the node keeps, those of the oldest run first."""
    found = []
    for run in sorted(_names(base)):
        for role in sorted(_names(os.path.join(base, run))):
            place = os.path.join(base, run, role)
            try:
                records = journal.read(os.path.join(place, "journal"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            found.append(Kept(run, role, place, records))
    return found


def read_json(place: str, name: str) -> Any:
    """Return what the JSON file holds. Raises OSError or ValueError."""
    with open(os.path.join(place, name), encoding="utf-8") as stream:
        return json.load(stream)


@contextlib.contextmanager
def locked(base: str, patience: float | None) -> Iterator[None]:
    """Hold the one lock of this node's transactions.

    patience: seconds to wait for it, None for ever. Raises LockedError when it stays taken.
    """
    descriptor = os.open(os.path.join(base, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = None if patience is None else time.monotonic() + patience
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if deadline is None else fcntl.LOCK_NB))
                break
            if deadline is not None and time.monotonic() > deadline:
                raise LockedError("another transaction is at work on this node")
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def prune(base: str, current: set[str]) -> None:
    """Remove what was half made, and the oldest runs beyond KEPT_RUNS.

    current: the runs that are worked on, which stay, as does one that is open.
    """
    for name in _names(base, hidden=True):
        shutil.rmtree(os.path.join(base, name))
    stays = current | {each.run for each in kept(base) if not each.closed}
    others = [name for name in _names(base) if name not in current]
    others.sort(key=lambda name: os.stat(os.path.join(base, name)).st_mtime_ns, reverse=True)
    for run in others[KEPT_RUNS - 1 :]:
        if run not in stays:
            shutil.rmtree(os.path.join(base, run))


def _names(path: str, *, hidden: bool = False) -> list[str]:
    try:
        found = list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        each.name
        for each in found
        if each.is_dir(follow_symlinks=False) and each.name.startswith(".") == hidden
    ]
