# SPDX-License-Identifier: Apache-2.0
"""Hold the controls against the facts: exactly one finding for each control and host. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cksharden.facts import Collected, NodeFacts, Unknown, Unreachable, parse_minor
from cksharden.inventory import CONTROL_PLANES
from cksharden.kinds import KINDS, crashed
from cksharden.model import Finding, Findings, Judgement, NodeKind, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cksharden.catalog import Catalogued
    from cksharden.policy import Selection
    from cksharden.waivers import InForce


def evaluate(
    selection: Selection,
    facts: Collected,
    *,
    run: str,
    waivers: InForce | None = None,
    notes: tuple[str, ...] = (),
) -> Findings:
    """Return what holds on every host of `facts`.

    Args:
        selection: the controls, in the order of the report, and which of them are asked of which host.
        facts: host -> its facts, or why there are none.
        run: id of the run that the findings belong to.
        waivers: what is excepted on the day of the run.
        notes: what the findings have to say beside what is found here.

    Raises:
        ProfileError: two groups of a host contradict each other.
    """
    hosts = tuple(sorted(facts))
    findings = tuple(
        finding if waivers is None else _waived(finding, waivers, facts[host].groups)
        for host in hosts
        for finding in _host_findings(selection, facts[host])
    )
    controls = tuple(one.control.id for one in selection.controls)
    notes += (*_cluster_notes(facts), *_group_notes(selection, facts), *_notes(findings, waivers))
    return Findings(run, selection.profile, hosts, controls, findings, notes=notes)


def _cluster_notes(facts: Collected) -> tuple[str, ...]:
    clusters = [one.cluster for one in facts.values() if isinstance(one, NodeFacts)]
    return next((one.notes for one in clusters if not isinstance(one, str)), ())


def _group_notes(selection: Selection, facts: Collected) -> tuple[str, ...]:
    """Say so where recorded facts are older than the groups in them: no group of the profile was asked."""
    if not selection.groups or any(one.groups for one in facts.values()):
        return ()
    said = ", ".join(selection.groups)
    return (f"these facts name no host's groups: what the profile says of {said} was not applied",)


def _notes(findings: Sequence[Finding], waivers: InForce | None) -> tuple[str, ...]:
    used = {one.waiver: None for one in findings if one.waiver}
    return tuple(filter(None, map(waivers.note, used))) if waivers else ()


def _host_findings(selection: Selection, facts: NodeFacts | Unreachable) -> Iterator[Finding]:
    asked = {one.control.id: one for one in selection.for_host(facts.host, facts.groups)}
    for one in selection.controls:
        name = one.control.id
        if name in asked:
            yield _finding(asked[name], facts, _judge(asked[name], facts))
        else:
            why = selection.why_not(name, facts.groups)
            yield _finding(one, facts, Judgement(Status.NOT_APPLICABLE, why))


def _waived(finding: Finding, waivers: InForce, groups: Collection[str]) -> Finding:
    """Except a failing finding; what is unknown stays unknown, for nobody has seen what is excepted there."""
    waiver = waivers.of(finding.control, finding.host, groups) if finding.status is Status.FAIL else None
    if waiver is None:
        return finding
    if waivers.expired(waiver):
        reason = f"{finding.reason}; its waiver by {waiver.owner} expired on {waiver.expires}"
        return replace(finding, reason=reason, waiver=waiver)
    reason = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason} ({finding.reason})"
    return replace(finding, status=Status.WAIVED, reason=reason, waiver=waiver)


def _finding(one: Catalogued, facts: NodeFacts | Unreachable, judgement: Judgement) -> Finding:
    control = one.control
    reason = judgement.reason
    if judgement.status is Status.FAIL and control.default == "report_only" and control.needs:
        reason += f"; first of all it needs {', '.join(control.needs)}"
    return Finding(
        control=control.id,
        host=facts.host,
        title=control.title,
        severity=control.severity,
        status=judgement.status,
        reason=reason,
        observed=judgement.observed,
        expected=judgement.expected,
        source=judgement.source,
        items=judgement.items,
        change=control.default,
    )


def _judge(one: Catalogued, facts: NodeFacts | Unreachable) -> Judgement:
    if isinstance(facts, Unreachable):
        return Judgement(Status.UNKNOWN, facts.reason)
    try:
        return _out_of_scope(one, facts) or KINDS[one.control.kind].judge(one.spec, facts)
    except Unknown as error:
        return Judgement(Status.UNKNOWN, str(error))
    except Exception as error:  # noqa: BLE001 - a kind that crashes on odd facts must not take the other findings with it
        return Judgement(Status.UNKNOWN, crashed(one.control.kind, error))


def _out_of_scope(one: Catalogued, facts: NodeFacts) -> Judgement | None:
    control = one.control
    kind = facts.kind
    if kind is NodeKind.NONE:
        raise Unknown("this is no Kubernetes node: it has neither a kubelet nor a kubelet.service")
    if kind is NodeKind.WORKER and CONTROL_PLANES in facts.groups and len(control.applies_to) == 1:
        raise Unknown(f"the inventory has it in {CONTROL_PLANES}, and nothing of a control plane is on it")
    if kind.value not in control.applies_to:
        return Judgement(Status.NOT_APPLICABLE, f"it applies to {', '.join(control.applies_to)}")
    if control.since is None and control.until is None:
        return None
    minor = KINDS[control.kind].minor(one.spec, facts)
    if minor is None:
        raise Unknown("its component's version could not be told, and this control depends on it")
    told = f"and this is {minor[0]}.{minor[1]}"
    if control.since and minor < (parse_minor(control.since) or minor):
        return Judgement(Status.NOT_APPLICABLE, f"it exists since Kubernetes {control.since}, {told}")
    if control.until and minor > (parse_minor(control.until) or minor):
        return Judgement(Status.NOT_APPLICABLE, f"it ended with Kubernetes {control.until}, {told}")
    return None
