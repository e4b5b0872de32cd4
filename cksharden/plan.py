# SPDX-License-Identifier: Apache-2.0
"""Turn failing findings into intent, in the order of change. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError
from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_settings import ENCRYPTION
from cksharden.control_plane import static_pods
from cksharden.facts import Collected, NodeFacts, Unknown
from cksharden.kinds import KINDS, CannotRemedy, PartlyRemedied, crashed
from cksharden.kinds.control_plane_file import together as one_file_each
from cksharden.kinds.encryption import EncryptionKind
from cksharden.model import Finding, Findings, HostPlan, LeftOut, NodeKind, Plan, PlannedFile, Status
from cksharden.predict import Step, step
from cksharden.shared import Shared, left_out, shared

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued
    from cksharden.policy import Selection

# Attributes come first: they restart nothing, and all hosts change at once.
ROLES = ("file_access", ENCRYPTION, "static_pods", "kubelet")
Settings = dict[str, list[dict[str, Any]]]


def make_plan(
    findings: Findings,
    selection: Selection,
    facts: Collected,
    *,
    lacking: tuple[str, ...] = (),
    new_key: bool = False,
) -> Plan:
    """Return what would make the failing controls hold. What is unknown is never changed.

    Args:
        findings: what evaluate said of `facts`.
        selection: the controls; opt-in ones are changed only where the user named them.
        facts: what the plan is made against; its digests are the ground that a node checks.
        lacking: control planes of the inventory that are not judged.
        new_key: have what is stored encrypted by another key than now.
    """
    found: dict[str, dict[str, Finding]] = {host: {} for host in findings.hosts}
    for one in findings.findings:
        found[one.host][one.control] = one
    together = shared(facts, found, selection, lacking, new_key=new_key)
    hosts = _host_plans(facts, found, selection, together)
    without = left_out(together, hosts)
    if without != together:
        hosts = _host_plans(facts, found, selection, without)
    return Plan(findings.run, hosts, _order(hosts, facts))


def _order(hosts: dict[str, HostPlan], facts: Collected) -> tuple[tuple[str, ...], ...]:
    """Return the batches in which hosts change; the control plane that leads etcd is the last one."""
    changing = {host: plan for host, plan in hosts.items() if plan.changes}
    alone = [host for host, plan in changing.items() if plan.kind is NodeKind.CONTROL_PLANE]
    planes = tuple((host,) for host in sorted(alone, key=lambda host: _leads(facts[host])))
    workers = tuple(host for host, plan in changing.items() if plan.kind is not NodeKind.CONTROL_PLANE)
    return (*planes, workers) if workers else planes


def _leads(facts: object) -> bool:
    try:
        return isinstance(facts, NodeFacts) and bool(static_pods(facts).leads_etcd)
    except Unknown:
        return False


def _host_plans(
    facts: Collected, findings: dict[str, dict[str, Finding]], selection: Selection, together: Shared
) -> dict[str, HostPlan]:
    hosts = {}
    for host, found in findings.items():
        node = facts[host]
        if isinstance(node, NodeFacts):
            planned = _host_plan(node, found, selection, together)
            if planned is not None:
                hosts[host] = planned
    return hosts


def _host_plan(
    facts: NodeFacts, findings: dict[str, Finding], selection: Selection, together: Shared
) -> HostPlan | None:
    try:
        kind = facts.kind
    except Unknown:
        return None
    wanted: Settings = {role: [] for role in ROLES}
    left_out: list[LeftOut] = []
    for one in selection.for_host(facts.host, facts.groups):
        control = one.control
        status = findings[control.id].status
        if status is Status.FAIL or (status is Status.PASS and control.id in together.changing):
            try:
                for item in _items(one, facts, findings, selection, together):
                    wanted[item.pop("role", KINDS[control.kind].role)].append(item)
            except Exception as error:  # noqa: BLE001 - nor may a kind that crashes here take the other hosts with it
                left_out.append(LeftOut(control.id, _why(control.kind, error)))
                if isinstance(error, PartlyRemedied):
                    wanted[KINDS[control.kind].role] += [
                        {"control": control.id, **one} for one in error.items
                    ]
    wanted["static_pods"] = one_file_each(wanted["static_pods"], facts)
    files: list[PlannedFile] = []
    settings: Settings = {}
    restarts: list[str] = []
    predicted = facts
    for role, items in wanted.items():
        try:
            done = step(role, items, predicted)
        except Exception as error:  # noqa: BLE001 - likewise
            done = Step(predicted, {item["control"]: _why(role, error) for item in items})
        left_out += [LeftOut(control, reason) for control, reason in done.refused.items()]
        settings[f"{role}_settings"] = done.settings
        files += done.files
        restarts += done.restarts
        predicted = done.after
    return HostPlan(kind, settings, tuple(files), tuple(restarts), tuple(left_out))


def _why(kind: str, error: Exception) -> str:
    foreseen = isinstance(error, CannotRemedy | Unknown | EditError)
    return str(error) if foreseen else crashed(kind, error)


def _items(
    one: Catalogued, facts: NodeFacts, findings: dict[str, Finding], selection: Selection, together: Shared
) -> list[dict[str, Any]]:
    control = one.control
    if control.id in together.refused:
        raise CannotRemedy(together.refused[control.id])
    if control.default == "report_only":
        raise CannotRemedy("it is report only: cksharden does not change it")
    if control.default == "opt_in" and control.id not in selection.named:
        raise CannotRemedy(f"it is opt-in: name it with --control {control.id} to have it changed")
    for need in control.needs:
        other = findings.get(need)
        if other is None or other.status not in (Status.PASS, Status.FAIL):
            raise CannotRemedy(f"it needs {need}, which is {other.status if other else 'not selected'}")
        if other.status is Status.FAIL:
            _check_need(need, facts, findings, selection, together)
    kind = KINDS[control.kind]
    if isinstance(kind, EncryptionKind):
        failing = findings[control.id].status is Status.FAIL
        items = kind.items(one.spec, facts, failing=failing, new_key=together.new_key)
    else:
        items = kind.remedy(one.spec, facts)
    return [{"control": control.id, **item} for item in items]


def _check_need(
    need: str, facts: NodeFacts, findings: dict[str, Finding], selection: Selection, together: Shared
) -> None:
    """Refuse to change what needs a failing control that is left out itself."""
    asked = selection.for_host(facts.host, facts.groups)
    try:
        _items(next(one for one in asked if one.control.id == need), facts, findings, selection, together)
    except (CannotRemedy, Unknown) as error:
        raise CannotRemedy(f"it needs {need}, which is left out: {error}") from error
