# SPDX-License-Identifier: Apache-2.0
"""Hold the controls against the facts: exactly one finding for each control and host. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cksharden.facts import Collected, NodeFacts, Unknown, Unreachable, parse_minor
from cksharden.kinds import KINDS
from cksharden.model import Finding, Findings, Judgement, NodeKind, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cksharden.catalog import Catalogued


def evaluate(controls: Sequence[Catalogued], facts: Collected, *, run: str, profile: str) -> Findings:
    """Return what holds on every host of `facts`.

    Args:
        controls: the selected controls, in the order of the report.
        facts: host -> its facts, or why there are none.
        run: id of the run that the findings belong to.
        profile: name of the profile that selected the controls.
    """
    hosts = tuple(sorted(facts))
    findings = tuple(_finding(one, facts[host]) for host in hosts for one in controls)
    return Findings(run, profile, hosts, tuple(one.control.id for one in controls), findings)


def _finding(one: Catalogued, facts: NodeFacts | Unreachable) -> Finding:
    control = one.control
    judgement = _judge(one, facts)
    return Finding(
        control=control.id,
        host=facts.host,
        title=control.title,
        severity=control.severity,
        status=judgement.status,
        reason=judgement.reason,
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
        return Judgement(
            Status.UNKNOWN, f"{one.control.kind} failed on these facts: {type(error).__name__}: {error}"
        )


def _out_of_scope(one: Catalogued, facts: NodeFacts) -> Judgement | None:
    control = one.control
    kind = facts.kind
    if kind is NodeKind.NONE:
        raise Unknown("this is no Kubernetes node: it has neither a kubelet nor a kubelet.service")
    if kind.value not in control.applies_to:
        return Judgement(Status.NOT_APPLICABLE, f"it applies to {', '.join(control.applies_to)}")
    if control.since is None and control.until is None:
        return None
    minor = facts.minor
    if minor is None:
        raise Unknown("the kubelet's version could not be told, and this control depends on it")
    if control.since and minor < (parse_minor(control.since) or minor):
        return Judgement(Status.NOT_APPLICABLE, f"it exists since Kubernetes {control.since}")
    if control.until and minor > (parse_minor(control.until) or minor):
        return Judgement(Status.NOT_APPLICABLE, f"it ended with Kubernetes {control.until}")
    return None
