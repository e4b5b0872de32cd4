# SPDX-License-Identifier: GPL-3.0-or-later
"""New content for a file, or none, by one rename."""

from __future__ import annotations

import errno
import os

from . import edits, fsio
from .step import Change, MovedError, RefusedError, check_ground

WATCHED = (".conf", ".yaml")
"""Ends of the names that the kubelet and systemd read in the directories which they watch."""


class FileStep:
    """New content for a file by rename, with the old one kept under a second name until the end."""

    def __init__(self, change: Change, entry: fsio.Entry, name: str, base: str) -> None:
        self.change, self.entry, self.path = change, entry, entry["path"]
        self._directory = os.path.dirname(self.path)
        # Outside the target's own directory: the kubelet reads what lies in those that it watches.
        self._stage = _staging_place(self.path, name)
        self._new = os.path.join(self._stage, name + ".new")
        self._old = os.path.join(self._stage, name + ".old")
        self._back = os.path.join(self._stage, name + ".back")
        self._base = base
        self._data: bytes | None = None
        self._wanted: bytes | None = None

    def check(self) -> None:
        """See Step."""
        self._check_place()
        found = fsio.state_of(self.path)
        check_ground(self.path, self.change["ground"], found)
        self.entry = fsio.entry_of(self.path)
        if found is not None:
            if found["type"] != "file":
                raise RefusedError(f"{self.path} is no regular file")
            if self.entry["links"] > 1:
                raise RefusedError(f"{self.path} has {self.entry['links']} hard links")
            self._data = fsio.read_file(self.path)
            self.entry["digest"] = fsio.digest_of(self._data)
            check_ground(self.path, found, self.entry)
        self._wanted = self._content_wanted()

    def _check_place(self) -> None:
        parent = fsio.existing_ancestor(self._directory)
        if parent not in (self._directory, self._stage):
            raise RefusedError(f"{self._directory} does not exist")
        if os.path.isdir(self._stage) and fsio.mount_of(parent) != fsio.mount_of(self._stage):
            raise RefusedError(
                f"{self._directory} is a mount of its own: a new file can't be staged outside it"
            )

    def _content_wanted(self) -> bytes | None:
        if self.change["action"] == "edit":
            try:
                return edits.apply_edits(self._data, self.change["edits"])
            except edits.EditError as reason:
                raise RefusedError(f"{self.path}: {reason}") from reason
        before = self.change["before"]
        if not before["existed"]:
            return None
        data = fsio.read_file(os.path.join(self._base, self.change["backup"]))
        if fsio.digest_of(data) != before["digest"]:
            raise RefusedError(f"the backup of {self.path} is damaged")
        return data

    def check_again(self) -> None:
        """See Step."""
        check_ground(self.path, self.change["ground"], fsio.state_of(self.path))

    def content(self) -> bytes | None:
        """See Step."""
        return self._data

    @property
    def wanted(self) -> bytes | None:
        """What check found that the file will hold, None where it goes."""
        return self._wanted

    def space(self) -> tuple[str, int]:
        """See Step."""
        return fsio.existing_ancestor(self._stage), len(self._wanted or b"")

    def stage(self) -> None:
        """See Step."""
        if self._wanted is not None:
            fsio.write_new(self._new, self._wanted, self._meta())
        if self.entry["existed"]:
            # A second name for the old file: putting it back is a rename, which needs no room.
            os.link(self.path, self._old, follow_symlinks=False)
        fsio.sync_directory(self._stage)

    def _meta(self) -> fsio.Entry:
        if self.change["action"] == "restore":
            return {**self.change["before"], "keep_times": True}
        if self.entry["existed"]:
            return {**self.entry, **self.change.get("attributes", {})}
        create: fsio.Entry = self.change["create"]
        return create

    def swap(self) -> None:
        """See Step."""
        self.check_again()
        if self._wanted is None:
            fsio.remove_file(self.path)
        elif self.entry["existed"]:
            os.rename(self._new, self.path)
        else:
            try:
                os.link(self._new, self.path)  # unlike a rename it never replaces what just came
            except FileExistsError:
                raise MovedError(f"{self.path} has changed since the plan: it is there now") from None
        self._sync()

    def put_back(self, kept: bytes | None) -> None:
        """See Step."""
        if not self.entry["existed"]:
            if self._same(self._new):
                os.unlink(self.path)
                self._sync()
        elif self._is_swapped():
            if os.path.lexists(self._old):
                os.rename(self._old, self.path)
            elif fsio.difference(self.entry, fsio.state_of(self.path)):
                self._write_back(kept)
            self._sync()

    def _is_swapped(self) -> bool:
        """Tell whether the file that existed is no longer, or may no longer be, the one at the path.

        rename(2) of two names of one file does nothing and leaves both, hence the look at the inodes;
        and what somebody else put there before the swap is not ours to replace.
        """
        if os.path.lexists(self._new) or self._same(self._old):
            return False
        gone = self.change["action"] == "restore" and not self.change["before"]["existed"]
        return not gone or not os.path.lexists(self.path)

    def _write_back(self, kept: bytes | None) -> None:
        """Make the old file from the backup: somebody took its second name away."""
        if kept is None or fsio.digest_of(kept) != self.entry["digest"]:
            raise OSError(errno.ENODATA, "has no sound backup", self.path)
        fsio.remove_file(self._back)
        fsio.write_new(self._back, kept, {**self.entry, "keep_times": True})
        os.rename(self._back, self.path)

    def _same(self, other: str) -> bool:
        try:
            return os.path.samestat(os.lstat(self.path), os.lstat(other))
        except FileNotFoundError:
            return False

    def _sync(self) -> None:
        for place in (self._directory, self._stage):
            if os.path.isdir(place):
                fsio.sync_directory(place)

    def clean(self) -> None:
        """See Step."""
        if not os.path.isdir(self._stage):
            return
        # In this order: while the new one is there, putting back leaves the target alone.
        for name in (self._old, self._back, self._new):
            fsio.remove_file(name)
        fsio.sync_directory(self._stage)


def _staging_place(path: str, name: str) -> str:
    """Return the directory above the target's own, or that one where a mount begins and nobody watches it."""
    directory = os.path.dirname(path)
    above = os.path.dirname(directory)
    if any(os.path.lexists(os.path.join(directory, name + end)) for end in (".new", ".old", ".back")):
        return directory  # staged there before a boot, and what mounts there may not run yet
    try:
        one_mount = fsio.mount_of(directory) == fsio.mount_of(above)
    except FileNotFoundError:
        return above
    return above if one_mount or path.endswith(WATCHED) else directory
