# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a section, each read once, within a limit of all of them."""

from __future__ import annotations

import os

from .redact import redact
from .safe_read import Cleaner, Entry, describe, describe_text
from .text import is_lossy, plain

TEXT_IN_ALL = 4 * 1024 * 1024
"""Bytes of text that a section may hold; one file is limited by the request."""


class Files:
    """Entries of files by their paths."""

    def __init__(self, limit: int) -> None:
        """limit: bytes of one file."""
        self.entries: dict[str, Entry] = {}
        self._limit = limit
        self._left = TEXT_IN_ALL

    def add(self, path: str | bytes, within: tuple[bytes, ...] = (), clean: Cleaner = redact) -> str:
        """Read a file unless it is there; return its text, empty where there is none."""
        name = os.fsencode(path)
        key = plain(name)
        if key not in self.entries:
            entry = describe_text(name, min(self._limit, self._left), within, clean)
            if is_lossy(name):
                entry["error"] = "its name holds bytes that are not UTF-8"
            self._left -= len(entry["text"] or "")
            self.entries[key] = entry
        return self.entries[key]["text"] or ""

    def look_at(self, path: str | bytes) -> None:
        """Describe a file that is not read, unless it is there."""
        name = os.fsencode(path)
        self.entries.setdefault(plain(name), describe(name))
