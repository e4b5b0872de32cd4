# SPDX-License-Identifier: Apache-2.0
"""What concerns all control planes together is planned for each of them, or for none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_settings import ENCRYPTION
from cksharden.facts import Collected, NodeFacts, Unknown
from cksharden.inventory import CONTROL_PLANES
from cksharden.kinds import KINDS
from cksharden.model import Finding, HostPlan, NodeKind, Status

if TYPE_CHECKING:
    from cksharden.policy import Selection


@dataclass(frozen=True)
class Shared:
    """Which of these controls change, and why not where none may."""

    changing: frozenset[str] = frozenset()
    """Controls that a control plane fails, or whose key is followed by another: those that pass take part."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Control -> why no control plane is changed for it."""
    new_key: bool = False
    """Whether another key is asked for."""


def shared(
    facts: Collected,
    findings: Mapping[str, Mapping[str, Finding]],
    selection: Selection,
    lacking: tuple[str, ...],
    *,
    new_key: bool,
) -> Shared:
    """Return what is to be done together.

    Args:
        facts: those of every host that is judged.
        findings: host -> control -> what is said of it.
        selection: the controls.
        lacking: control planes of the inventory that are not judged.
        new_key: another key is asked for.
    """
    planes, unasked = _planes(facts)
    unlisted = _unlisted(facts)
    changing: set[str] = set()
    refused: dict[str, str] = {}
    for one in selection.controls:
        control = one.control.id
        if KINDS[one.control.kind].role != ENCRYPTION:
            continue
        found = {host: findings[host].get(control) for host in planes}
        failing = any(finding and finding.status is Status.FAIL for finding in found.values())
        if not failing and not (new_key and one.spec.of is not None):
            continue
        changing.add(control)
        undecided = {host: finding for host, finding in found.items() if not _is_known(finding)}
        if unasked or lacking:
            refused[control] = _everyone(*unasked, *lacking)
        elif unlisted:
            refused[control] = f"{_everyone(*unlisted)}: name it in the inventory"
        elif undecided:
            host, finding = next(iter(undecided.items()))
            told = f"is {finding.status.value} ({finding.reason})" if finding else "is not asked"
            refused[control] = f"every control plane has to take part, and on {host} it {told}"
    return Shared(frozenset(changing), refused, new_key)


def left_out(before: Shared, hosts: Mapping[str, HostPlan]) -> Shared:
    """Return the same, but for what was left out on a control plane: then none is changed for it."""
    refused = {
        one.control: f"every control plane has to take part, and on {host} it is left out: {one.reason}"
        for host, plan in hosts.items()
        for one in plan.left_out
        if one.control in before.changing
    }
    return replace(before, refused={**refused, **before.refused})


def _is_known(finding: Finding | None) -> bool:
    return finding is not None and finding.status in (Status.PASS, Status.FAIL)


def _everyone(*lacking: str) -> str:
    return f"every control plane has to take part, and {', '.join(lacking)} does not"


def _unlisted(facts: Collected) -> list[str]:
    """Return the control planes that the cluster has and no host is."""
    nodes = [node for node in facts.values() if isinstance(node, NodeFacts)]
    known: set[str] = set()
    for node in nodes:
        with suppress(Unknown):
            known.add(str(node.section("kubelet").get("node_name")))
    clusters = [node.cluster for node in nodes if not isinstance(node.cluster, str)]
    return sorted({name for cluster in clusters for name in cluster.planes} - known)


def _planes(facts: Collected) -> tuple[list[str], list[str]]:
    """Return the control planes, and hosts of their group that can't be told."""
    planes, unasked = [], []
    for host, node in facts.items():
        try:
            kind = node.kind if isinstance(node, NodeFacts) else None
        except Unknown:
            kind = None
        if kind is NodeKind.CONTROL_PLANE:
            planes.append(host)
        elif kind is None and CONTROL_PLANES in node.groups:
            unasked.append(host)
    return planes, unasked
