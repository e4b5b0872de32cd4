# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode, owner and group of what is there."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Any

from . import fsio
from .step import Change, RefusedError, check_ground


class AttributesStep:
    """Mode, owner and group of a file or directory, changed by descriptor."""

    def __init__(self, change: Change, entry: fsio.Entry) -> None:
        self.change, self.entry, self.path = change, entry, entry["path"]
        self._wanted: dict[str, Any] = {}

    def check(self) -> None:
        """See Step."""
        self.check_again()
        self.entry = fsio.entry_of(self.path)
        if self.entry.get("type") not in ("file", "directory"):
            raise RefusedError(f"{self.path} is neither a file nor a directory")
        self._wanted = self._planned()

    def check_again(self) -> None:
        """See Step."""
        check_ground(self.path, self.change["ground"], fsio.state_of(self.path, digest=False))

    def content(self) -> bytes | None:
        """See Step."""
        return None

    def space(self) -> tuple[str, int]:
        """See Step."""
        return fsio.existing_ancestor(os.path.dirname(self.path)), 0

    def stage(self) -> None:
        """See Step."""

    def swap(self) -> None:
        """See Step."""
        descriptor = fsio.open_here(self.path)
        try:
            check_ground(self.path, self.change["ground"], fsio.state_from(os.fstat(descriptor)))
            fsio.set_attributes(descriptor, self._wanted)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def put_back(self, _kept: bytes | None) -> None:
        """See Step."""
        try:
            descriptor = fsio.open_here(self.path)
        except FileNotFoundError:
            return
        try:
            if self._is_the_changed_one(os.fstat(descriptor)):
                fsio.set_attributes(descriptor, self.entry)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def clean(self) -> None:
        """See Step."""

    def _is_the_changed_one(self, status: os.stat_result) -> bool:
        """Tell whether this is the file of the backup, not another under its name (a rotated certificate).

        A device may have another number after a boot. Then it is the same inode number with
        attributes that swap may have left, however far it had come.
        """
        device, inode = self.entry["inode"]
        if status.st_ino != inode or status.st_dev == device:
            return bool(status.st_ino == inode)
        try:
            wanted = self._planned()
        except RefusedError:
            return False
        found = fsio.state_from(status)
        return found["type"] == self.entry["type"] and all(
            _bare(found[key]) in (_bare(self.entry[key]), _bare(wanted[key])) for key in wanted
        )

    def _planned(self) -> dict[str, Any]:
        return {
            "mode": self.change.get("mode"),
            "uid": _user(self.change, self.path),
            "gid": _group(self.change, self.path),
        }


def _bare(value: str | int | None) -> int | None:
    """Return a mode as a number without its setuid bits, which a change of owner takes away."""
    return int(value, 8) & ~0o6000 if isinstance(value, str) else value


def _user(change: Change, path: str) -> int | None:
    name = change.get("owner")
    if name is None:
        return change.get("uid")
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise RefusedError(f"{path} should belong to {name}, a user that this node does not have") from None


def _group(change: Change, path: str) -> int | None:
    name = change.get("group")
    if name is None:
        return change.get("gid")
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise RefusedError(f"{path} should belong to {name}, a group that this node does not have") from None
