# SPDX-License-Identifier: Apache-2.0
"""Predict what a role will do with the items of a plan: every file, every restart, the ground. Pure."""

from __future__ import annotations

import copy
import difflib
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.module_utils.node.static_pod_settings import STATIC_PODS
from cksharden.facts import NodeFacts
from cksharden.kinds import KINDS
from cksharden.kinds.file_access import known_entries
from cksharden.model import FileState, PlannedFile

Change = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What one role does on a host."""

    after: NodeFacts
    """The facts as the next role will find them."""
    refused: dict[str, str] = field(default_factory=dict)
    """Control -> why nothing is changed for it."""
    settings: list[dict[str, Any]] = field(default_factory=list)
    files: list[PlannedFile] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)


def step(role: str, items: list[dict[str, Any]], facts: NodeFacts) -> Step:
    """Return what a role makes of its items on a node, by the function that the role itself uses.

    Raises:
        Unknown, EditError: the facts can't say, or a file can't be edited with certainty.
    """
    if not items:
        return Step(facts)
    kind = next(kind for kind in KINDS.values() if kind.role == role)
    told = kind.changes(items, facts)
    changes = told["changes"]
    refused = {entry["control"]: entry["reason"] for entry in told["refused"]}
    kept = [item for item in items if item["control"] not in refused]
    return Step(
        _after_attributes(facts, changes),
        refused,
        _grounded(role, kept, changes),
        _files(role, told, kept, facts),
        _restarts(told) if kept else [],
    )


def _restarts(told: dict[str, Any]) -> list[str]:
    """Return what restarts: the kubelet, or the pods whose manifests change, in the order of change."""
    if told["restart"] != STATIC_PODS:
        return [told["restart"].removesuffix(".service")] if told["restart"] else []
    pods = {path: name for name, path in told["gate"]["manifests"].items()} | told["gate"]["strays"]
    return list(dict.fromkeys(pods[one["path"]] for one in told["changes"] if one["path"] in pods))


def _grounded(role: str, items: list[dict[str, Any]], changes: list[Change]) -> list[dict[str, Any]]:
    """Give each item the ground of the files that it touches: its own file, or all that its role changes."""
    ground = {change["path"]: change["ground"] for change in changes if change["action"] != "directory"}
    own = role == "file_access"
    return [
        item | {"ground": {path: ground[path] for path in ground if not own or path == item["path"]}}
        for item in items
    ]


def _after_attributes(facts: NodeFacts, changes: list[Change]) -> NodeFacts:
    """Return the facts as they will be once the attributes have changed: the next role's ground."""
    attributes = {change["path"]: change for change in changes if change["action"] == "attributes"}
    if not attributes:
        return facts
    sections = copy.deepcopy(facts.sections)
    ids = {"root": 0}
    for path, entry in _entries(sections):
        change = attributes.get(path)
        if change:
            entry["mode"] = change["mode"] or entry["mode"]
            entry["uid"] = ids.get(change["owner"] or "", entry["uid"])
            entry["gid"] = ids.get(change["group"] or "", entry["gid"])
    return replace(facts, sections=sections)


def _entries(sections: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what the sections say of files that later roles change, by path."""
    kubelet, pods = ((sections.get(name) or {}).get("data") or {} for name in ("kubelet", STATIC_PODS))
    manifests = [(entry["path"], entry) for entry in pods.get("entries", ())]
    return [*kubelet.get("files", {}).items(), *pods.get("files", {}).items(), *manifests]


def _files(
    role: str, told: dict[str, Any], items: list[dict[str, Any]], facts: NodeFacts
) -> list[PlannedFile]:
    changes = told["changes"]
    if role == "file_access":
        return [_access(change, items, facts) for change in changes]
    if role == STATIC_PODS:
        states = dict(_entries({STATIC_PODS: facts.sections[STATIC_PODS]}))
        manifests = told["gate"]["manifests"]
        return [_file(role, change, _asking(change["path"], items, manifests), states) for change in changes]
    controls = tuple(dict.fromkeys(item["control"] for item in items))
    states = facts.section("kubelet" if role == "kubelet" else STATIC_PODS)["files"]
    return [_file(role, change, controls, states) for change in changes]


def _asking(path: str, items: list[dict[str, Any]], manifests: dict[str, str]) -> tuple[str, ...]:
    """Return the controls for which a file of static pods changes."""

    def asks(item: dict[str, Any]) -> bool:
        files = [file["path"] for file in item.get("files") or ()]
        own = (manifests.get(item.get("component", "")), item.get("remove_manifest"), item.get("touch"))
        return path in own or any(file == path or file.startswith(f"{path}/") for file in files)

    return tuple(dict.fromkeys(item["control"] for item in items if asks(item)))


def _access(change: Change, items: list[dict[str, Any]], facts: NodeFacts) -> PlannedFile:
    path = change["path"]
    entry = next(entry for entry in known_entries(facts) if entry["real_path"] == path)
    before = FileState(entry["mode"], entry["owner"], entry["group"])
    after = FileState(*(change[key] or entry[key] for key in ("mode", "owner", "group")))
    controls = tuple(item["control"] for item in items if item["path"] == path)
    return PlannedFile(path, "file_access", controls, "attributes", before, after)


def _file(
    role: str, change: Change, controls: tuple[str, ...], states: dict[str, dict[str, Any]]
) -> PlannedFile:
    path: str = change["path"]
    new: dict[str, Any] = change.get("create") or {}
    if change["action"] == "directory":
        return PlannedFile(path, role, controls, "directory", None, FileState(new["mode"], "root", "root"))
    entry = states.get(path) or {}
    exists, secret = bool(entry.get("exists")), bool(entry.get("redacted") or change.get("secret"))
    old = (entry["text"] or "") if exists else ""
    before = FileState(entry["mode"], entry["owner"], entry["group"], entry["digest"]) if exists else None
    if change["action"] == "restore":  # to where there was none: it goes
        diff = "" if secret else "".join(_diff(old, "", path, "/dev/null"))
        return PlannedFile(path, role, controls, "remove", before, FileState(), diff, secret)
    text = apply_edits(old.encode() if exists else None, change["edits"]).decode()
    # A redacted text has another digest than the file: what is not known is not said.
    digest = None if secret else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    after = FileState(
        change.get("attributes", {}).get("mode") or (before.mode if before else new["mode"]),
        before.owner if before else "root",
        before.group if before else "root",
        digest,
    )
    diff = "" if secret else "".join(_diff(old, text, path if exists else "/dev/null", path))
    return PlannedFile(path, role, controls, "edit" if exists else "create", before, after, diff, secret)


def _diff(old: str, new: str, before: str, after: str) -> list[str]:
    """Return a unified diff whose every line ends in a newline, as `diff -u` prints it."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), before, after)
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
