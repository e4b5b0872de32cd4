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
INVENTORY_FORMAT = "cksharden-inventory"
SCHEMA = "1.1"
MAJOR = SCHEMA.partition(".")[0]
LARGEST = 32 * 1024 * 1024
"""Bytes beyond which a facts file is refused."""

KINDS = ("control_plane", "worker", "none", "unknown")
DEFAULT_LIMITS = {
    "seconds": 30,
    "command_seconds": 10,
    "cluster_seconds": 90,
    "file_bytes": 262144,
    "matches": 200,
}
"""Seconds of everything that is asked of the node itself, of one command there, and of what its API
server is asked; bytes of one file; files of one pattern."""


class RequestError(ValueError):
    """A request that no node will be asked; the text says what is wrong with it."""


def check_request(request: object) -> dict[str, Any]:
    """Return a request with every limit filled in.

    It is `{"schema": "1.1", "files": [{"path": absolute path or pattern, "parents": bool}],
    "cluster": bool, "patches_dir": absolute path, "" or None, "limits": {...}}`. cluster: a control
    plane also asks its API server. patches_dir: where the patches lie that kubeadm is given, "" for
    nowhere, None where that is not known. Raises RequestError.
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
    cluster, patches = request.get("cluster", False), request.get("patches_dir")
    if not isinstance(cluster, bool):
        raise RequestError(f"cluster: {cluster!r} is neither true nor false")
    if patches is not None and not _is_directory_name(patches):
        raise RequestError(f"patches_dir: {patches!r} is no absolute path")
    limits = DEFAULT_LIMITS | request.get("limits", {})
    for name, limit in limits.items():
        if name not in DEFAULT_LIMITS or not isinstance(limit, int) or limit < 1:
            raise RequestError(f"limits: {name}: {limit!r} is no limit")
    plain_files = [{"path": str(each["path"]), "parents": bool(each.get("parents"))} for each in files]
    return {
        "schema": SCHEMA,
        "files": plain_files,
        "cluster": cluster,
        "patches_dir": patches,
        "limits": limits,
    }


def _is_directory_name(value: object) -> bool:
    return isinstance(value, str) and (not value or value.startswith("/")) and "\0" not in value


def envelope(host: str, groups: list[str], sections: dict[str, Any]) -> dict[str, Any]:
    """Return the facts file of a host as data; groups are those of the inventory that it is in."""
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "host": host,
        "groups": sorted(set(groups) - {"all", "ungrouped"}),
        "sections": sections,
    }


def write_inventory(path: Path, groups: dict[str, list[str]]) -> None:
    """Write the groups of a whole inventory, unless another host's task has done so. Raises OSError."""
    if not path.exists():
        hosts = {group: sorted(members) for group, members in groups.items()}
        _write(path, {"format": INVENTORY_FORMAT, "schema": "1.0", "groups": hosts})


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
    """Write a facts file for the eyes of its owner, whole or not at all; return its path. Raises OSError.

    A directory that is not there is made, for its owner alone.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = facts_path(directory, host)
    _write(path, facts)
    return path


def _write(path: Path, document: dict[str, Any]) -> None:
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(document, stream, ensure_ascii=True)
        Path(unfinished).replace(path)
    except OSError:
        Path(unfinished).unlink()
        raise
