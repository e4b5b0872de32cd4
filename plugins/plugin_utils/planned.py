# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role is asked to do, what the node is like now, and the changes that lie between. No I/O."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError, apply_edits
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import difference
from ansible_collections.cksharden.node.plugins.plugin_utils.file_changes import file_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import static_pod_changes

Setting = dict[str, Any]
ROLES = ("kubelet", "file_access", "static_pods")
PLANNED = (*ROLES, "encryption")
"""Whose settings a plan holds; what concerns all control planes together is no role of one node."""
RESTARTING = ("kubelet", "static_pods")
"""Roles that restart what a cluster needs: of control planes one after the other."""
_MODE = re.compile("[0-7]{3,4}")


class NotPlannedError(ValueError):
    """The node is not as it was when its change was planned, or can't be changed as asked."""


def request(role: str, settings: list[Setting]) -> dict[str, Any]:
    """Return what the collector is asked for before a role changes something."""
    paths = sorted({setting["path"] for setting in settings}) if role == "file_access" else []
    return {"schema": "1.0", "files": [{"path": path, "parents": False} for path in paths]}


def has_open_transaction(sections: dict[str, Any]) -> bool:
    """Tell whether the node has a transaction that has not ended."""
    return any(not run["closed"] for run in _data(sections, "transactions")["runs"])


def changes_of(
    role: str, settings: list[Setting], sections: dict[str, Any], config_dir: str
) -> dict[str, Any]:
    """Return the Changes that make settings hold on the node of these facts.

    Raises NotPlannedError where one of them can't be made to hold, or where its ground has moved.
    """
    if role == "kubelet":
        section = _data(sections, "kubelet")
        states = section["files"]
        changes = kubelet_changes(section, settings, config_dir)
    elif role == "static_pods":
        section = _data(sections, "static_pods")
        states = _states(section)
        changes = static_pod_changes(section, settings)
    else:
        entries = [
            entry for pattern in _data(sections, "files")["patterns"].values() for entry in pattern["matches"]
        ]
        states = {entry["real_path"] or entry["path"]: entry for entry in entries}
        changes = file_changes(entries, [_with_mode(setting) for setting in settings])
    if changes["refused"]:
        raise NotPlannedError("; ".join(dict.fromkeys(map(_refusal, changes["refused"]))))
    _check_ground(settings, states, changes["changes"])
    return changes


def _states(section: dict[str, Any]) -> dict[str, Any]:
    """Return the files of a static_pods section by their paths."""
    return {**section["files"], **{entry["path"]: entry for entry in section["entries"]}}


def _with_mode(setting: Setting) -> Setting:
    """Return a setting whose mode has four digits, as facts have it.

    A mode without quotes is an octal number to YAML and another one to everybody else: it is refused.
    """
    mode = setting.get("mode")
    if mode is None:
        return setting
    if not isinstance(mode, str) or not _MODE.fullmatch(mode):
        raise NotPlannedError(f'{setting["path"]}: mode is {mode!r}; write it in quotes, such as "0600"')
    return {**setting, "mode": mode.zfill(4)}


def _refusal(refused: dict[str, Any]) -> str:
    control, reason = str(refused["control"]), str(refused["reason"])
    return reason if reason.startswith(control) else f"{control}: {reason}"


def _data(sections: dict[str, Any], name: str) -> dict[str, Any]:
    section = sections.get(name) or {}
    if section.get("status") != "ok":
        raise NotPlannedError(
            f"the node's {name} facts are missing: {section.get('reason') or 'no reason given'}"
        )
    data: dict[str, Any] = section["data"]
    return data


def _check_ground(settings: list[Setting], states: dict[str, Any], changes: list[dict[str, Any]]) -> None:
    """Raise NotPlannedError where a file is not as it was when a setting was planned."""
    grounds = [setting["ground"] for setting in settings if setting.get("ground") is not None]
    if len(grounds) < len(settings):
        return  # somebody uses the role without a plan: what was just read is the ground
    planned = {path: ground for each in grounds for path, ground in each.items()}
    for path, ground in planned.items():
        entry = states.get(path)
        found = None if entry is None or not entry.get("exists") else {"type": "file", **entry}
        told = difference(ground, found)
        if told:
            raise NotPlannedError(f"{path} has changed since the plan: {told}")
    for change in changes:
        if change["action"] != "directory" and change["path"] not in planned:
            raise NotPlannedError(f"{change['path']} would have to change now, which was not planned")


def files_of(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the path and action of each change."""
    return [{"path": change["path"], "action": change["action"]} for change in changes]


def diffs_of(changes: list[dict[str, Any]], sections: dict[str, Any]) -> list[dict[str, str]]:
    """Return what Ansible shows with --diff; of a file that holds secrets, only that it changes."""
    kubelet, pods = ((sections.get(name) or {}).get("data") or {} for name in ("kubelet", "static_pods"))
    states = {**(kubelet.get("files") or {}), **(_states(pods) if pods else {})}
    return [_diff(change, states) for change in changes]


def _diff(change: dict[str, Any], states: dict[str, Any]) -> dict[str, str]:
    headers = {"before_header": change["path"], "after_header": change["path"]}
    if change["action"] == "attributes":
        ground = change["ground"]
        before = f"mode {ground['mode']}, owner {ground['uid']}, group {ground['gid']}\n"
        wanted = [f"{key} {change[key]}" for key in ("mode", "owner", "group") if change.get(key) is not None]
        return {**headers, "before": before, "after": ", ".join(wanted) + "\n"}
    if change["action"] == "directory":
        return {**headers, "before": "", "after": "a directory\n"}
    entry = states.get(change["path"]) or {}
    if entry.get("redacted"):
        return {**headers, "before": "(holds a secret)\n", "after": "(changed)\n"}
    text = entry.get("text") if entry.get("exists") else None
    if change["action"] == "restore":
        return {**headers, "before": text or "", "after": ""}
    try:
        after = apply_edits(None if text is None else text.encode(), change["edits"]).decode()
    except EditError as reason:
        raise NotPlannedError(f"{change['path']}: {reason}") from reason
    return {**headers, "before": text or "", "after": after}


def check_batch(variables: dict[str, Any], strategy: str) -> None:
    """Refuse to restart more than one control plane at a time.

    Raises NotPlannedError. What each host that changes is was read on it by an earlier task.
    """
    batch = [str(host) for host in variables.get("ansible_play_batch") or ()]
    if len(batch) < 2:
        return
    if strategy.rpartition(".")[2] != "linear":
        raise NotPlannedError(f"with the strategy {strategy} hosts may restart at once: give it `serial: 1`")
    kinds = {host: variables["hostvars"][host].get("cksharden_node_kind") for host in batch}
    planes = [host for host, kind in kinds.items() if kind == "control_plane"]
    if len(planes) > 1:
        raise NotPlannedError(
            f"{', '.join(planes)} are control planes and would change at once: give the play `serial: 1`"
        )
