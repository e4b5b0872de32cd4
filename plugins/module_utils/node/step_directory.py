# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that is made or taken away."""

from __future__ import annotations

import errno
import os

from . import fsio
from .step import Change, MovedError, RefusedError


class DirectoryStep:
    """A directory that is made, or taken away where it is empty."""

    def __init__(self, change: Change, entry: fsio.Entry) -> None:
        self.change, self.entry, self.path = change, entry, entry["path"]
        self._before: fsio.Entry = change.get("before") or {"existed": True, **change.get("create", {})}
        # Made under a name that is not the target's, so that it is never there with other attributes.
        directory, name = os.path.split(self.path)
        self._made = os.path.join(directory, f".{name}.cksharden-new")

    def check(self) -> None:
        """See Step."""
        found = fsio.state_of(self.path)
        if found is not None and found["type"] != "directory":
            raise RefusedError(f"{self.path} is no directory")
        parent = os.path.dirname(self.path)
        if not os.path.isdir(parent):
            raise RefusedError(f"{parent} does not exist")
        self._check_content()
        self.entry = fsio.entry_of(self.path)

    def _check_content(self) -> None:
        """Raise MovedError where the directory holds files that would be read from now on."""
        known = self.change.get("holds_only")
        for place, _directories, names in os.walk(self.path):
            for name in names:
                path = os.path.join(place, name)
                if (
                    known is not None
                    and name.endswith(".conf")
                    and os.path.relpath(path, self.path) not in known
                ):
                    raise MovedError(f"{path} would be read from now on: nobody planned that")

    def check_again(self) -> None:
        """See Step."""
        self._check_content()

    def content(self) -> bytes | None:
        """See Step."""
        return None

    def space(self) -> tuple[str, int]:
        """See Step."""
        return os.path.dirname(self.path), 0

    def stage(self) -> None:
        """See Step."""

    def swap(self) -> None:
        """See Step."""
        self.check_again()
        if self._before["existed"]:
            self._make(self._before)
        else:
            self._take_away()

    def put_back(self, _kept: bytes | None) -> None:
        """See Step."""
        if self.entry["existed"]:
            self._make(self.entry)
        else:
            self._take_away()

    def _make(self, meta: fsio.Entry) -> None:
        if os.path.isdir(self.path):
            return
        if not os.path.isdir(self._made):
            os.mkdir(self._made, 0o700)
        descriptor = fsio.open_here(self._made)
        try:
            fsio.apply_meta(descriptor, meta)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(self._made, self.path)
        fsio.sync_directory(os.path.dirname(self.path))

    def _take_away(self) -> None:
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            return
        except OSError as reason:
            if reason.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return  # somebody else's file is in there
        fsio.sync_directory(os.path.dirname(self.path))

    def clean(self) -> None:
        """See Step."""
        if os.path.isdir(self._made):
            os.rmdir(self._made)
