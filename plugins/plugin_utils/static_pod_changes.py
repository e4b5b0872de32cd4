# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn settings of static pods into changes of files: one pure function for the plan and for the role.

Files first, then the manifests that name them, etcd's before the others: the order of the changes is
the order in which the node makes them.
"""

from __future__ import annotations

from posixpath import dirname
from typing import Any, NamedTuple

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError, apply_edits
from ansible_collections.cksharden.node.plugins.module_utils.node.static_pod_settings import STATIC_PODS
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import (
    ManifestError,
    component_of,
    options_of,
    parse_manifest,
    pod_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_items import resolved

ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

Change = dict[str, Any]
Setting = dict[str, Any]
Refused = list[dict[str, str]]


class Found(NamedTuple):
    """The manifests of a node: the true one of each component, and what stands in a component's way."""

    paths: dict[str, str]
    texts: dict[str, str]
    entries: dict[str, dict[str, Any]]
    unsure: dict[str, str]


def static_pod_changes(section: dict[str, Any], items: list[Setting]) -> dict[str, Any]:
    """Return what has to change on a control plane for `items` to hold.

    Args:
        section: the static_pods section of the node's facts.
        items: static_pods_settings, each {component, option, value or add and remove, mounts, files} or
            {remove_manifest, pod, touch}, with its control.

    Returns:
        `changes`, `refused` ({control, reason}), `daemon_reload`, `restart`, and `gate`: what the gate
        must know of this node.
    """
    strays = [item for item in items if "remove_manifest" in item]
    found = manifests_of(section, {item["remove_manifest"] for item in strays})
    named = [{"control": f"--{item['option']}", **item} for item in items if "option" in item]
    options, refused = resolved(named, _options(found))
    kept: dict[str, list[Setting]] = {}
    for item in options:
        reason = _obstacle(found, item)
        if reason:
            refused += [{"control": control, "reason": reason} for control in item["controls"]]
        else:
            kept.setdefault(item["component"], []).append(item)
    changes: list[Change] = []
    removed: dict[str, str] = {}
    for component in ORDER:
        ours = [one for one in strays if one["touch"] == found.paths.get(component)]
        changes += [_removal(found, one) for one in ours]
        removed.update({one["remove_manifest"]: component for one in ours})
        changes += _edited(found, component, kept.get(component, []), touched=bool(ours))
    for one in strays:
        if one["remove_manifest"] not in removed:
            changes += [_removal(found, one), _edit(found.entries[one["touch"]], [])]
            removed[one["remove_manifest"]] = one["pod"]
    files = _files(section, [item for some in kept.values() for item in some])
    return {
        "changes": [*files, *changes],
        "refused": refused,
        "daemon_reload": False,
        "restart": STATIC_PODS if changes else None,
        "gate": {"directory": section["directory"], "manifests": found.paths, "strays": removed},
    }


def manifests_of(section: dict[str, Any], leaving: set[str]) -> Found:
    """Sort out which file is the manifest of each component, but for those that are leaving.

    section: the static_pods facts of a node; leaving: paths of files that go away.
    """
    found = Found({}, {}, {}, {})
    for entry in section["entries"]:
        path, text = entry["path"], entry.get("text")
        found.entries[path] = entry
        if entry["hidden"] or entry["type"] == "directory" or text is None or path in leaving:
            continue
        try:
            pod = pod_of(text, path)
        except ManifestError:
            continue  # nothing that the kubelet runs
        component = None if pod is None else component_of(pod)
        if component is None:
            continue
        if component in found.paths:
            found.unsure[component] = f"{found.paths[component]} and {path} both define {component}"
        elif entry["type"] != "file" or entry.get("lossy") or entry.get("truncated"):
            found.unsure[component] = f"{path} is a link, too large or not UTF-8: it is not edited"
        found.paths[component], found.texts[component] = path, text
    return found


def _options(found: Found) -> dict[str, dict[str, list[str]]]:
    there: dict[str, dict[str, list[str]]] = {}
    for component, text in found.texts.items():
        values = there.setdefault(component, {})
        try:
            words = parse_manifest(text, found.paths[component]).argv[1:]
        except ManifestError as error:
            found.unsure.setdefault(component, str(error))
            continue
        for option in options_of(words):
            values.setdefault(option.name, []).append(option.value)
    return there


def _obstacle(found: Found, item: Setting) -> str:
    """Say why an item can't be made to hold, "" where it can."""
    component = item["component"]
    if component not in found.paths:
        return f"this node has no manifest of {component}"
    if component in found.unsure:
        return found.unsure[component]
    try:
        apply_edits(found.texts[component].encode(), [_manifest_edit(component, [item])])
    except EditError as error:
        return f"{found.paths[component]}: {error}"
    return ""


def _manifest_edit(component: str, items: list[Setting]) -> dict[str, Any]:
    wanted = [{key: item[key] for key in ("option", "value", "mounts")} for item in items]
    return {"op": "manifest", "component": component, "items": wanted}


def _edited(found: Found, component: str, items: list[Setting], *, touched: bool) -> list[Change]:
    """Return the change of a manifest, none where every item holds and nothing else asks for it."""
    if component not in found.paths:
        return []
    data = found.texts[component].encode()
    edits = [_manifest_edit(component, items)] if items else []
    if apply_edits(data, edits) == data and not touched:
        return []
    return [_edit(found.entries[found.paths[component]], edits)]


def _edit(entry: dict[str, Any], edits: list[dict[str, Any]]) -> Change:
    return {"path": entry["path"], "action": "edit", "edits": edits, "ground": _ground(entry)}


def _removal(found: Found, item: Setting) -> Change:
    path = item["remove_manifest"]
    entry = found.entries.get(path)
    ground = None if entry is None else _ground(entry)
    return {"path": path, "action": "restore", "before": {"existed": False}, "backup": "", "ground": ground}


def _ground(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: entry.get(key) for key in ("digest", "mode", "uid", "gid")}


def _files(section: dict[str, Any], items: list[Setting]) -> list[Change]:
    """Return the files that options name, where they are not there as wanted, and their directories."""
    above = dirname(section["directory"])
    changes: dict[str, Change] = {}
    for item in items:
        for file in item["files"]:
            entry = section["files"].get(file["path"]) or {}
            exists = bool(entry.get("exists"))
            if exists and entry.get("text") == file["content"] and entry.get("mode") == file["mode"]:
                continue
            for place in _directories(dirname(file["path"]), above):
                changes.setdefault(place, _directory(place))
            changes[file["path"]] = {
                "path": file["path"],
                "action": "edit",
                "edits": [{"op": "write", "content": file["content"]}],
                "create": {"mode": file["mode"], "uid": 0, "gid": 0},
                "ground": _ground(entry) if exists else None,
            }
    return list(changes.values())


def _directories(path: str, above: str) -> list[str]:
    """Return the directories from `above` down to a path, which must be there; only itself elsewhere."""
    if not path.startswith(f"{above}/"):
        return [path]
    names = path[len(above) + 1 :].split("/")
    return ["/".join([above, *names[: number + 1]]) for number in range(len(names))]


def _directory(path: str) -> Change:
    return {
        "path": path,
        "action": "directory",
        "create": {"mode": "0700", "uid": 0, "gid": 0},
        "ground": None,
    }
