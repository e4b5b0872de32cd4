# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of this node by their paths: attributes, digest and, where that is asked for, content."""

from __future__ import annotations

import os
from typing import Any

from .fsio import digest_of
from .safe_read import Opened, ReadError, describe

LARGEST = 1024 * 1024
"""Bytes of one file; what an option of a control plane names is far smaller."""

Entry = dict[str, Any]


def main(payload: dict[str, Any]) -> dict[str, Any]:
    """Return {"files": {path: entry}} for payload["paths"]; payload["content"] asks for contents too.

    An entry is that of safe_read.describe, for a regular file with `digest` and, if asked, `content`.
    What can't be read, is no text or is larger than LARGEST has an `error`.
    """
    return {"files": {path: _entry(path, content=payload["content"]) for path in payload["paths"]}}


def _entry(path: str, *, content: bool) -> Entry:
    entry = describe(os.fsencode(path))
    if entry["type"] != "file" or entry["error"]:
        return entry
    try:
        with Opened(os.fsencode(path)) as opened:
            data = opened.read(LARGEST)
    except (OSError, ReadError) as reason:
        return {**entry, "error": str(reason)}
    if len(data) > LARGEST:
        return {**entry, "error": f"it is larger than {LARGEST} bytes"}
    entry["digest"] = digest_of(data)
    if not content:
        return entry
    try:
        return {**entry, "content": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {**entry, "error": "it holds bytes that are not UTF-8"}
