# SPDX-License-Identifier: GPL-3.0-or-later
"""The request that a node is asked with, and the facts file that its answer becomes."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

FORMAT = "cksharden-facts"
SCHEMA = "1.0"
MAJOR = SCHEMA.partition(".")[0]
LARGEST = 32 * 1024 * 1024
"""Bytes beyond which a facts file is refused."""

KINDS = ("control_plane", "worker", "none", "unknown")
DEFAULT_LIMITS = {"seconds": 30, "command_seconds": 10, "file_bytes": 262144, "matches": 200}
"""Seconds of the whole collection and of one command on the node; bytes of one file; files of one pattern."""


class RequestError(ValueError):
    """A request that no node will be asked; the text says what is wrong with it."""


def check_request(request: object) -> dict[str, Any]:
    """Return a request with every limit filled in.

    It is `{"schema": "1.0", "files": [{"path": absolute path or pattern, "parents": bool}],
    "limits": {...}}`. Raises RequestError.
    """
    if not isinstance(request, dict):
        raise RequestError("the request is no mapping")
    if str(request.get("schema", "")).partition(".")[0] != MAJOR:
        raise RequestError(f"the request has schema {request.get('schema')!r}, not {SCHEMA}")
    files = request.get("files", [])
    if not isinstance(files, list):
        raise RequestError("files is no list")
    for wanted in files:
        path = wanted.get("path") if isinstance(wanted, dict) else None
        if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
            raise RequestError(f"files: {wanted!r} has no absolute path")
    limits = DEFAULT_LIMITS | request.get("limits", {})
    for name, limit in limits.items():
        if name not in DEFAULT_LIMITS or not isinstance(limit, int) or limit < 1:
            raise RequestError(f"limits: {name}: {limit!r} is no limit")
    plain_files = [{"path": str(each["path"]), "parents": bool(each.get("parents"))} for each in files]
    return {"schema": SCHEMA, "files": plain_files, "limits": limits}


def envelope(host: str, sections: dict[str, Any]) -> dict[str, Any]:
    """Return the facts file of a host as data."""
    return {"format": FORMAT, "schema": SCHEMA, "host": host, "sections": sections}


def kind_of(sections: dict[str, Any]) -> str:
    """Return what the node says it is, "unknown" where it does not say it in a word of ours."""
    section = sections.get("node")
    data = section.get("data") if isinstance(section, dict) else None
    kind = data.get("kind") if isinstance(data, dict) else None
    return kind if isinstance(kind, str) and kind in KINDS else "unknown"


def facts_path(directory: Path, host: str) -> Path:
    """Return where the facts of a host lie; its name may hold anything."""
    return directory / f"{quote(host, safe='')}.json"


def write_facts(directory: Path, host: str, facts: dict[str, Any]) -> Path:
    """Write a facts file for the eyes of its owner, whole or not at all; return its path. Raises OSError."""
    path = facts_path(directory, host)
    descriptor, unfinished = tempfile.mkstemp(dir=directory, prefix=".", suffix=".new")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(facts, stream, ensure_ascii=True)
        Path(unfinished).replace(path)
    except OSError:
        Path(unfinished).unlink()
        raise
    return path
