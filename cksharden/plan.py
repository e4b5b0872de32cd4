# SPDX-License-Identifier: Apache-2.0
"""Turn failing findings into intent, and predict every file that it changes. Pure."""

from __future__ import annotations

import copy
import difflib
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError, apply_edits
from cksharden.facts import Collected, NodeFacts, Unknown
from cksharden.kinds import KINDS, CannotRemedy, crashed
from cksharden.kinds.file_access import known_entries
from cksharden.model import (
    FileState,
    Finding,
    Findings,
    HostPlan,
    LeftOut,
    NodeKind,
    Plan,
    PlannedFile,
    Status,
)

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued
    from cksharden.policy import Selection

# Attributes come first: they restart nothing, and all hosts change at once.
ROLES = ("file_access", "kubelet")
Settings = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class _Step:
    """What one role does on a host."""

    after: NodeFacts
    """The facts as the next role will find them."""
    refused: dict[str, str] = field(default_factory=dict)
    """Control -> why nothing is changed for it."""
    settings: list[dict[str, Any]] = field(default_factory=list)
    files: list[PlannedFile] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)


def make_plan(findings: Findings, selection: Selection, facts: Collected) -> Plan:
    """Return what would make the failing controls hold. What is unknown is never changed.

    Args:
        findings: what evaluate said of `facts`.
        selection: the controls; opt-in ones are changed only where the user named them.
        facts: what the plan is made against; its digests are the ground that a node checks.
    """
    found: dict[str, dict[str, Finding]] = {host: {} for host in findings.hosts}
    for one in findings.findings:
        found[one.host][one.control] = one
    hosts = {}
    for host in findings.hosts:
        node = facts[host]
        if isinstance(node, NodeFacts):
            planned = _host_plan(node, found[host], selection)
            if planned is not None:
                hosts[host] = planned
    return Plan(findings.run, hosts, _order(hosts))


def _order(hosts: dict[str, HostPlan]) -> tuple[tuple[str, ...], ...]:
    changing = {host: plan for host, plan in hosts.items() if plan.changes}
    planes = tuple((host,) for host, plan in changing.items() if plan.kind is NodeKind.CONTROL_PLANE)
    workers = tuple(host for host, plan in changing.items() if plan.kind is not NodeKind.CONTROL_PLANE)
    return (*planes, workers) if workers else planes


def _host_plan(facts: NodeFacts, findings: dict[str, Finding], selection: Selection) -> HostPlan | None:
    try:
        kind = facts.kind
    except Unknown:
        return None
    wanted: Settings = {role: [] for role in ROLES}
    left_out: list[LeftOut] = []
    for one in selection.for_host(facts.host, facts.groups):
        control = one.control
        if findings[control.id].status is Status.FAIL:
            try:
                items = _items(one, facts, findings, selection)
                wanted[KINDS[control.kind].role] += items
            except Exception as error:  # noqa: BLE001 - nor may a kind that crashes here take the other hosts with it
                left_out.append(LeftOut(control.id, _why(control.kind, error)))
    files: list[PlannedFile] = []
    settings: Settings = {}
    restarts: list[str] = []
    predicted = facts
    for role, items in wanted.items():
        try:
            step = _step(role, items, predicted)
        except Exception as error:  # noqa: BLE001 - likewise
            step = _Step(predicted, {item["control"]: _why(role, error) for item in items})
        left_out += [LeftOut(control, reason) for control, reason in step.refused.items()]
        settings[f"{role}_settings"] = step.settings
        files += step.files
        restarts += step.restarts
        predicted = step.after
    return HostPlan(kind, settings, tuple(files), tuple(restarts), tuple(left_out))


def _why(kind: str, error: Exception) -> str:
    foreseen = isinstance(error, CannotRemedy | Unknown | EditError)
    return str(error) if foreseen else crashed(kind, error)


def _items(
    one: Catalogued, facts: NodeFacts, findings: dict[str, Finding], selection: Selection
) -> list[dict[str, Any]]:
    control = one.control
    if control.default == "report_only":
        raise CannotRemedy("it is report only: cksharden does not change it")
    if KINDS[control.kind].role not in ROLES:
        raise CannotRemedy("cksharden judges control planes, and does not change them yet")
    if control.default == "opt_in" and control.id not in selection.named:
        raise CannotRemedy(f"it is opt-in: name it with --control {control.id} to have it changed")
    for need in control.needs:
        other = findings.get(need)
        if other is None or other.status not in (Status.PASS, Status.FAIL):
            raise CannotRemedy(f"it needs {need}, which is {other.status if other else 'not selected'}")
        if other.status is Status.FAIL:
            _check_need(need, facts, findings, selection)
    items = KINDS[control.kind].remedy(one.spec, facts)
    return [{"control": control.id, **item} for item in items]


def _check_need(need: str, facts: NodeFacts, findings: dict[str, Finding], selection: Selection) -> None:
    """Refuse to change what needs a failing control that is left out itself."""
    asked = selection.for_host(facts.host, facts.groups)
    try:
        _items(next(one for one in asked if one.control.id == need), facts, findings, selection)
    except (CannotRemedy, Unknown) as error:
        raise CannotRemedy(f"it needs {need}, which is left out: {error}") from error


def _step(role: str, items: list[dict[str, Any]], facts: NodeFacts) -> _Step:
    if not items:
        return _Step(facts)
    kind = next(kind for kind in KINDS.values() if kind.role == role)
    told = kind.changes(items, facts)
    changes, restart = told["changes"], told["restart"]
    refused = {entry["control"]: entry["reason"] for entry in told["refused"]}
    kept = [item for item in items if item["control"] not in refused]
    return _Step(
        _after_attributes(facts, changes),
        refused,
        _grounded(role, kept, changes),
        _files(role, changes, kept, facts),
        [restart.removesuffix(".service")] if kept and restart else [],
    )


def _grounded(role: str, items: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each item the ground of the files that it touches: its own file, or all of a kubelet's."""
    ground = {change["path"]: change["ground"] for change in changes if change["action"] != "directory"}
    return [
        item
        | {"ground": {path: ground[path] for path in ground if role == "kubelet" or path == item["path"]}}
        for item in items
    ]


def _after_attributes(facts: NodeFacts, changes: list[dict[str, Any]]) -> NodeFacts:
    """Return the facts as they will be once the attributes have changed: the next role's ground."""
    attributes = {change["path"]: change for change in changes if change["action"] == "attributes"}
    if not attributes:
        return facts
    sections = copy.deepcopy(facts.sections)
    ids = {"root": 0}
    kubelet = sections.get("kubelet", {}).get("data") or {}
    for path, entry in kubelet.get("files", {}).items():
        change = attributes.get(path)
        if change:
            entry["mode"] = change["mode"] or entry["mode"]
            entry["uid"] = ids.get(change["owner"] or "", entry["uid"])
            entry["gid"] = ids.get(change["group"] or "", entry["gid"])
    return replace(facts, sections=sections)


def _files(
    role: str, changes: list[dict[str, Any]], items: list[dict[str, Any]], facts: NodeFacts
) -> list[PlannedFile]:
    if role == "kubelet":
        controls = tuple(dict.fromkeys(item["control"] for item in items))
        return [_kubelet_file(change, controls, facts) for change in changes]
    entries = {entry["real_path"]: entry for entry in known_entries(facts)}
    files = []
    for change in changes:
        entry = entries[change["path"]]
        before = FileState(entry["mode"], entry["owner"], entry["group"])
        after = FileState(*(change[key] or entry[key] for key in ("mode", "owner", "group")))
        controls = tuple(item["control"] for item in items if item["path"] == change["path"])
        files.append(PlannedFile(change["path"], role, controls, "attributes", before, after))
    return files


def _kubelet_file(change: dict[str, Any], controls: tuple[str, ...], facts: NodeFacts) -> PlannedFile:
    path, new = change["path"], change["create"]
    if change["action"] == "directory":
        return PlannedFile(
            path, "kubelet", controls, "directory", None, FileState(new["mode"], "root", "root")
        )
    entry = facts.section("kubelet")["files"].get(path) or {}
    exists = bool(entry.get("exists"))
    old = entry["text"] if exists else ""
    text = apply_edits(old.encode() if exists else None, change["edits"]).decode()
    secret = bool(entry.get("redacted"))
    before = FileState(entry["mode"], entry["owner"], entry["group"], entry["digest"]) if exists else None
    # A redacted text has another digest than the file: what is not known is not said.
    digest = None if secret else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    after = FileState(
        before.mode if before else new["mode"],
        before.owner if before else "root",
        before.group if before else "root",
        digest,
    )
    diff = "" if secret else "".join(_diff(old, text, path, exists))
    return PlannedFile(path, "kubelet", controls, "edit" if exists else "create", before, after, diff, secret)


def _diff(old: str, new: str, path: str, exists: bool) -> list[str]:
    """Return a unified diff whose every line ends in a newline, as `diff -u` prints it."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), path if exists else "/dev/null", path
    )
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
