# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of one transaction: what the agent is about to do, on disk before it does it.

One JSON object a line: seq, step, time (seconds of the epoch), data and a digest of the line. The
file is written full of empty lines when it is made, so that a disk that is full later can't keep a
record from being written. A record that was torn by a power cut has no valid digest and counts as
not written.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any

STEPS = (
    "begin",  # the agent runs
    "checked",  # the ground is as planned, there is room, the kubelet is well
    "backed_up",  # copies of everything that will change are on disk
    "staged",  # the new files lie beside their targets' directories
    "swapping",  # from here on a crash is answered by restoring
    "swapped",  # every file is in place; data.left says how it was left
    "restarting",
    "gating",
    "committed",
    "refused",  # nothing was changed: the ground has moved, or the node must not be changed now
    "abandoned",  # nothing was changed: the agent could not, or was stopped
    "restoring",
    "restored",
    "closed",  # data.outcome: committed, restored, refused or abandoned
)

ROOM = 256 * 1024
"""Bytes that are set aside for the records of one transaction, besides those for each change."""
ROOM_PER_CHANGE = 1024

Record = dict[str, Any]


class Journal:
    """The journal at path, open for one writer; the caller holds the lock of the transactions."""

    def __init__(self, path: str) -> None:
        self.records, end, dirty = _parse(_read(path))
        self._position = end
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        if dirty > end:
            # The rest of a torn record: away with it before something is written over half of it.
            self._write(b"\n" * (dirty - end), end)

    def append(self, step: str, data: dict[str, Any] | None = None) -> None:
        """Write a record and return when it is on disk. Raises OSError when it can't be."""
        if step not in STEPS:
            raise ValueError(f"{step} is no step")
        seq = self.records[-1]["seq"] + 1 if self.records else 1
        record = {"seq": seq, "step": step, "time": round(time.time(), 3), "data": data or {}}
        line = _line(record)
        self._write(line, self._position)
        self._position += len(line)
        self.records.append(record)

    def try_to_write(self) -> None:
        """Write what says nothing where the next record goes. Raises OSError where append would."""
        self._write(b"\n", self._position)

    def last(self, step: str) -> Record | None:
        """Return the last record of a step, None where there is none."""
        return next((record for record in reversed(self.records) if record["step"] == step), None)

    def has(self, step: str) -> bool:
        """Tell whether the step was recorded."""
        return self.last(step) is not None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, data: bytes, position: int) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, position)
            data, position = data[written:], position + written
        os.fsync(self._descriptor)


def create(path: str, changes: int) -> None:
    """Make an empty journal at path with room for the records of that many changes, and sync it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        blanks = b"\n" * (ROOM + ROOM_PER_CHANGE * changes)
        while blanks:
            blanks = blanks[os.write(descriptor, blanks) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str) -> list[Record]:
    """Return every record of the journal at path, oldest first. Raises OSError where it can't be read."""
    return _parse(_read(path))[0]


def is_closed(records: list[Record]) -> bool:
    """Tell whether the transaction has ended."""
    return bool(records) and records[-1]["step"] == "closed"


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _line(record: Record) -> bytes:
    body = json.dumps(record, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode("ascii")).hexdigest()[:16]
    return f'{body[:-1]},"digest":"{digest}"}}\n'.encode("ascii")


def _parse(data: bytes) -> tuple[list[Record], int, int]:
    """Return the valid records, where the next one goes, and where the file is empty from."""
    records: list[Record] = []
    end = position = 0
    used = data.rstrip(b"\n")
    dirty = min(len(used) + 1, len(data)) if used else 0
    for line in used.split(b"\n"):
        position += len(line) + 1
        record = _record(line) if line else None
        if record is not None and (not records or record["seq"] > records[-1]["seq"]):
            records.append(record)
            end = position
    return records, min(end, len(data)), dirty


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
        digest = record.pop("digest")
    except (ValueError, AttributeError, KeyError, RecursionError):
        return None
    return record if _line(record) == line + b"\n" and f'"digest":"{digest}"'.encode() in line else None
