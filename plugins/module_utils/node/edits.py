# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the text of a configuration file: bytes and edits in, bytes out, nothing else touched.

The node applies the edits; the controller uses the same function to predict the file for the diff.
"""

from __future__ import annotations

import json
from typing import Any

from . import flags
from .flags import EditError
from .manifest_edits import edit_manifest

__all__ = ["EditError", "apply_edits"]


def apply_edits(data: bytes | None, edits: list[dict[str, Any]]) -> bytes:
    """Return the bytes of a file after all edits.

    data: bytes of the file, None where it does not exist. edits: list of {"op": ...}, applied in
    order; see the operations below, in flags.py and in manifest_edits.py. Equal to data where nothing
    had to change. Raises EditError where an edit is unknown or can't be made with certainty.
    """
    for edit in edits:
        op = edit.get("op")
        if op == "merge_json":
            data = merge_json(data, edit["values"])
        elif op == "remove_flag":
            data = flags.remove_flag(data, edit["variable"], edit["flag"])
        elif op == "prepend_flag":
            data = flags.prepend_flag(data, edit["variable"], edit["flag"], edit["value"])
        elif op == "remove_unit_flag":
            data = flags.remove_unit_flag(data, edit["flag"])
        elif op == "manifest":
            data = edit_manifest(data, edit["component"], edit["items"])
        elif op == "write":
            data = edit["content"].encode("utf-8")
        else:
            raise EditError(f"unknown edit {op!r}")
    return b"" if data is None else data


def merge_json(data: bytes | None, values: dict[str, Any]) -> bytes:
    """Return the JSON object in data with values merged into it (lists are replaced).

    JSON is YAML, so the kubelet reads it. Raises EditError for a file that is not a JSON object:
    it is not one that cksharden wrote.
    """
    found = {} if data is None else _parse_object(data)
    merged = _deep_merge(found, values)
    # Compared as text: 1, 1.0 and True are equal in Python, but not for the kubelet.
    if data is not None and json.dumps(merged, sort_keys=True) == json.dumps(found, sort_keys=True):
        return data
    return (json.dumps(merged, indent=2, sort_keys=True) + "\n").encode("ascii")


def _parse_object(data: bytes) -> dict[str, Any]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            raise EditError("a key stands twice in one JSON object")
        return result

    def constant(name: str) -> None:
        raise EditError(f"{name} is no JSON value")

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        raise EditError("is not JSON, so it is not a file that cksharden wrote") from None
    if not isinstance(found, dict):
        raise EditError("is not a JSON object, so it is not a file that cksharden wrote")
    return found


def _deep_merge(found: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(found)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = _deep_merge(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return merged
