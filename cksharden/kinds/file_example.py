# SPDX-License-Identifier: Apache-2.0
"""Build the files section of a node's facts from the short examples in control files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from cksharden.facts import NodeFacts
from cksharden.kinds import kubelet_example


class FileExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one file of a node that matters; what is not said is as a strict administrator would have it."""

    path: str
    exists: bool = True
    mode: str = "0600"
    owner: str = "root"
    group: str = "root"
    link_to: str | None = None
    parents: dict[str, str] = {}
    """Directory -> mode; root owns them."""
    error: str | None = None
    """Why it could not be looked at."""
    kubelet: dict[str, Any] = {}
    """The kubelet that may name the file, as in an example of a kubelet_setting."""


def example_facts(paths: list[str], snippet: dict[str, Any]) -> NodeFacts:
    """Return a node that has, of all that `paths` match, just the file of the snippet.

    Raises:
        ValueError: the snippet has a key that FileExample has not, or a wrong type.
    """
    example = msgspec.convert(snippet, FileExample)
    patterns = {path: {"matches": _matches(path, example), "error": None} for path in paths}
    return NodeFacts(
        "example",
        {
            "node": _section({"kind": "control_plane"}),
            "kubelet": kubelet_example.example_facts(example.kubelet).sections["kubelet"],
            "files": _section({"patterns": patterns}),
        },
    )


def _matches(path: str, example: FileExample) -> list[dict[str, Any]]:
    if PurePosixPath(example.path).match(path):
        return [_entry(example)]
    return [] if "*" in path else [_entry(FileExample(path, exists=False))]


def _entry(example: FileExample) -> dict[str, Any]:
    return {
        "path": example.path,
        "exists": example.exists,
        "real_path": example.link_to or example.path,
        "mode": example.mode if example.exists else None,
        "owner": example.owner,
        "group": example.group,
        "uid": _number(example.owner),
        "gid": _number(example.group),
        "error": example.error,
        "parents": [
            {"path": path, "mode": mode, "uid": 0, "gid": 0, "owner": "root", "group": "root"}
            for path, mode in example.parents.items()
        ],
    }


def _number(name: str) -> int:
    return 0 if name == "root" else 1000


def _section(data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "1.0", "status": "ok", "reason": "", "data": data}
