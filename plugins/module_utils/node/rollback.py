# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a run of this node back: build the transaction that puts its files where they were.

Needs nothing but the node's own journals and backups. A file that is no longer as the run left it
is named and not overwritten, unless by force.
"""

from __future__ import annotations

import os
from typing import Any

from . import backup, fsio, static_pod_settings, store
from .store import Kept
from .upgraded import upgraded

AS_BEFORE, RESTORE, MOVED, NEWER = "as_before", "restore", "moved", "newer"

Judged = dict[str, Any]
"""{"path", "status": as_before|restore|moved|newer, "told", "change": the Change that would put it back}

moved: somebody changed it since; newer: an upgrade did, so that not even force puts it back."""


def judge(base: str, of: Kept) -> list[Judged]:
    """Return what a rollback of a transaction would do with each of its files, the last changed first."""
    swapped = next((record for record in of.records if record["step"] == "swapped"), None)
    if of.outcome != "committed" or swapped is None:
        return []  # it left everything as it was
    transaction = store.read_json(of.directory, "transaction.json")
    entries = backup.read(of.directory)
    judged = []
    for number, change in enumerate(transaction["changes"]):
        kept = os.path.relpath(backup.path_of(of.directory, number), base)
        judged.append(_judge(change["action"], entries[number], swapped["data"]["left"][number], kept))
        _see_upgrade(judged[-1], transaction, backup.content_of(of.directory, number))
    judged.reverse()
    return _without_full_directories(judged)


def _judge(action: str, before: fsio.Entry, left: fsio.State | None, kept: str) -> Judged:
    path = before["path"]
    if action == "directory":
        there = os.path.isdir(path)
        back = {"path": path, "action": action, "before": before, "ground": None}
        status = AS_BEFORE if there == before["existed"] else RESTORE
        return {"path": path, "status": status, "told": "", "change": back}
    now = fsio.state_of(path, digest=action != "attributes")
    wanted = _only_attributes(before) if action == "attributes" else before if before["existed"] else None
    left = _only_attributes(left) if action == "attributes" and left else left
    if action == "attributes":
        back = {**_only_attributes(before), "path": path, "action": action, "ground": now}
    else:
        back = {"path": path, "action": "restore", "before": before, "backup": kept, "ground": now}
    if not fsio.difference(wanted, now):
        return {"path": path, "status": AS_BEFORE, "told": "", "change": back}
    told = fsio.difference(left, now)
    return {"path": path, "status": MOVED if told else RESTORE, "told": told, "change": back}


def _see_upgrade(judged: Judged, transaction: store.Transaction, before: bytes | None) -> None:
    """Mark a manifest that is of another version than what would be put back."""
    if transaction["restart"] != static_pod_settings.STATIC_PODS or judged["status"] != MOVED:
        return
    names = {path: name for name, path in transaction["gate"]["manifests"].items()}
    path = judged["path"]
    if path in names and before is not None and os.path.isfile(path):
        told = upgraded(names[path], before, fsio.read_file(path))
        if told:
            judged.update(status=NEWER, told=told)


def _only_attributes(state: fsio.State) -> fsio.State:
    return {key: state[key] for key in ("mode", "uid", "gid")}


def _without_full_directories(judged: list[Judged]) -> list[Judged]:
    """Leave alone a directory in which others have put files since."""
    goes = {each["path"] for each in judged if each["status"] != AS_BEFORE and _goes(each["change"])}
    for each in judged:
        if (
            each["change"]["action"] == "directory"
            and each["status"] == RESTORE
            and os.path.isdir(each["path"])
        ):
            names = {os.path.join(each["path"], name) for name in os.listdir(each["path"])}
            if names - goes:
                each.update(status=AS_BEFORE, told="others have put files there, so it stays")
    return judged


def _goes(change: dict[str, Any]) -> bool:
    return change["action"] == "restore" and not change["before"]["existed"]


def build(base: str, of: Kept, payload: dict[str, Any]) -> tuple[store.Transaction, list[Judged]]:
    """Return the transaction that takes another one back, and the judgement that it rests on.

    payload: run (the rollback's own id), host, force, window, limit. Its changes are empty where
    everything is as before already.
    """
    judged = judge(base, of)
    original = store.read_json(of.directory, "transaction.json")
    doing = [
        each for each in judged if each["status"] == RESTORE or (each["status"] == MOVED and payload["force"])
    ]
    doing = [each for each in doing if not _is_gone(each)]
    partly = len(doing) < len(judged) or any(each["status"] == MOVED for each in doing)
    gate = None
    if original["restart"]:
        gate = {**original["gate"], "window": payload.get("window"), "limit": payload.get("limit")}
        argv = gate.get("argv")
        if argv is not None:
            # What the command line will be is known only where all of it goes back.
            gate["argv"] = None if partly else {"added": argv["removed"], "removed": argv["added"]}
    return {
        "format": "cksharden-transaction",
        "schema": "1.0",
        "kind": "rollback",
        "of": of.run,
        "run": payload["run"],
        "role": of.role,
        "host": payload["host"],
        "changes": [each["change"] for each in doing],
        "daemon_reload": original["daemon_reload"],
        "restart": original["restart"],
        "gate": gate,
    }, judged


def _is_gone(judged: Judged) -> bool:
    """Tell whether attributes should be put back on something that is no longer there."""
    return judged["change"]["action"] == "attributes" and judged["change"]["ground"] is None
