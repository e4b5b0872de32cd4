# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn file access settings into changes of attributes: one pure function for the plan and for the role."""

from __future__ import annotations

from typing import Any


def file_changes(entries: list[dict[str, Any]], items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the changes of mode and owner that make `items` hold.

    Args:
        entries: the facts of the files, as the collector brought them.
        items: file_access_settings: `path`, and what is wanted of `mode`, `owner` and `group`.

    Returns:
        `changes` and `refused`; no file access change restarts anything.
    """
    by_path = {path: entry for entry in entries for path in (entry["path"], entry.get("real_path")) if path}
    changes: dict[str, dict[str, Any]] = {}
    refused = []
    for item in items:
        entry = by_path.get(item["path"])
        if entry is None or not entry.get("exists") or entry.get("error"):
            reason = (entry or {}).get("error") or "it does not exist"
            refused.append(
                {"control": item.get("control", item["path"]), "reason": f"{item['path']}: {reason}"}
            )
            continue
        wanted = {
            key: item[key] for key in ("mode", "owner", "group") if item.get(key) not in (None, entry[key])
        }
        if not wanted:
            continue
        path = entry["real_path"] or entry["path"]
        ground = {key: entry[key] for key in ("mode", "uid", "gid")}
        empty = {
            "path": path,
            "action": "attributes",
            "mode": None,
            "owner": None,
            "group": None,
            "ground": ground,
        }
        changes.setdefault(path, empty).update(wanted)
    return {
        "changes": list(changes.values()),
        "refused": refused,
        "daemon_reload": False,
        "restart": None,
        "argv": {"added": [], "removed": []},
    }
