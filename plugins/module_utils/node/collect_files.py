# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of the files that the controls ask about; never their content."""

from __future__ import annotations

import os
from typing import Any

from .safe_read import describe, expand, is_pattern


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
    if not is_pattern(path):
        return {"matches": [describe(os.fsencode(path), parents)], "error": None}
    try:
        paths, error = expand(path, most)
    except OSError as reason:
        return {"matches": [], "error": f"{path}: {reason.strerror}"}
    return {"matches": [describe(found, parents) for found in paths], "error": error}
