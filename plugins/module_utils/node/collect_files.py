# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of the files that the controls ask about; never their content."""

from __future__ import annotations

import errno
import fnmatch
import os
from typing import Any

from .safe_read import describe

_SCANNED = 20000
"""Directory entries that one pattern looks at before it gives up."""


def collect(request: dict[str, Any]) -> dict[str, Any]:
    """Return `{"patterns": {path or pattern: {"matches": [FileEntry], "error": text or None}}}`.

    A path that is not there has one match that says so; a pattern without matches has none.
    """
    most = int(request["limits"]["matches"])
    patterns: dict[str, Any] = {}
    for wanted in request["files"]:
        path, parents = wanted["path"], bool(wanted.get("parents"))
        if path in patterns and not parents:
            continue
        patterns[path] = _look(path, parents, most)
    return {"patterns": patterns}


def _look(path: str, parents: bool, most: int) -> dict[str, Any]:
    if not _is_pattern(path):
        return {"matches": [describe(os.fsencode(path), parents)], "error": None}
    try:
        paths, error = expand(path, most)
    except OSError as reason:
        return {"matches": [], "error": f"{path}: {reason.strerror}"}
    return {"matches": [describe(found, parents) for found in paths], "error": error}


def _is_pattern(path: str) -> bool:
    return any(char in path for char in "*?[")


def expand(pattern: str, most: int) -> tuple[list[bytes], str | None]:
    """Return the paths that match a shell pattern, sorted, at most most of them, and what was left out.

    `*`, `?` and `[…]` match within one name; names that begin with a dot only where the pattern does.
    """
    found = [b"/"]
    looked = 0
    for part in filter(None, pattern.split("/")):
        below = []
        for directory in found:
            if not _is_pattern(part):
                below.append(os.path.join(directory, os.fsencode(part)))
                continue
            for name in _listed(directory):
                looked += 1
                if looked > _SCANNED:
                    return [], f"its directories hold more than {_SCANNED} names"
                if fnmatch.fnmatchcase(name, os.fsencode(part)) and (name[:1] != b"." or part[0] == "."):
                    below.append(os.path.join(directory, name))
        found = below
    there = sorted(path for path in found if os.path.lexists(path))
    if len(there) > most:
        return there[:most], f"it matches {len(there)} files, the first {most} are listed"
    return there, None


def _listed(directory: bytes) -> list[bytes]:
    """Return the names in a directory, a few more than are looked at; none for what is no directory."""
    names: list[bytes] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > _SCANNED:
                    break
    except OSError as reason:
        if reason.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return []
        raise
    return names
