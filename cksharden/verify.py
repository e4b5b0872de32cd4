# SPDX-License-Identifier: Apache-2.0
"""Hold a plan against what a second collection found. Pure; the checks are those of evaluate."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from cksharden.model import Finding, Findings, HostPlan, Outcome, Plan, Status, Verification

_NOT_SEEN = "it was not collected this time"
_UNDECIDED = (Status.UNKNOWN, Status.NOT_APPLICABLE)


def compare(plan: Plan, before: Findings, after: Findings, run: str) -> Verification:
    """Return what is proved, what is missed, what has become worse, and what can't be told.

    Args:
        plan: what was to be changed.
        before: the findings that the plan was made from.
        after: the findings of now; a planned host that is not in them is unknown, not forgotten.
        run: id of the run that applied the plan.
    """
    now = {(one.host, one.control): one for one in after.findings}
    planned = _planned(plan)
    outcomes = [_outcome(one, now, (one.host, one.control) in planned) for one in before.findings]
    told = [one for one in outcomes if one.after is not Status.UNKNOWN]
    return Verification(
        run,
        proved=tuple(one for one in told if one.planned and one.after is Status.PASS),
        missed=tuple(one for one in told if one.planned and one.after is not Status.PASS),
        worse=tuple(one for one in told if not one.planned and _worse(one)),
        unknown=tuple(
            one
            for one in outcomes
            if one.after is Status.UNKNOWN and (one.planned or one.before is Status.PASS)
        ),
    )


def narrow(plan: Plan, before: Findings, hosts: Collection[str]) -> tuple[Plan, Findings]:
    """Return the part of a plan and of its findings that is about `hosts`."""
    kept: dict[str, HostPlan] = {name: one for name, one in plan.hosts.items() if name in hosts}
    findings = tuple(one for one in before.findings if one.host in hosts)
    return msgspec.structs.replace(plan, hosts=kept), msgspec.structs.replace(before, findings=findings)


def _worse(one: Outcome) -> bool:
    """Say whether what held does no longer, or what could not be judged is now known to fail."""
    if one.before is Status.PASS:
        return one.after is not Status.PASS
    return one.before in _UNDECIDED and one.after is Status.FAIL


def _planned(plan: Plan) -> set[tuple[str, str]]:
    return {
        (name, item["control"])
        for name, host in plan.hosts.items()
        for items in host.settings.values()
        for item in items
    }


def _outcome(before: Finding, now: dict[tuple[str, str], Finding], planned: bool) -> Outcome:
    after = now.get((before.host, before.control))
    status, reason = (after.status, after.reason) if after else (Status.UNKNOWN, _NOT_SEEN)
    return Outcome(before.host, before.control, before.status, status, planned, reason)
