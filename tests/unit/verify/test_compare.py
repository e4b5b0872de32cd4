# SPDX-License-Identifier: Apache-2.0
"""Verification: what was planned is proved or missed, what was not planned may only be worse."""

from __future__ import annotations

import pytest

from cksharden.model import Finding, HostPlan, NodeKind, Outcome, Plan, Status
from cksharden.verify import compare, narrow
from tests.unit.report.samples import finding, findings

PLAN = Plan(
    "r", {"w1": HostPlan(NodeKind.WORKER, {"kubelet_settings": [{"control": "planned"}]})}, (("w1",),)
)


def outcome(before: Finding, *after: Finding) -> tuple[str, Outcome] | None:
    """Name the list in which the one control ended, if any."""
    proof = compare(PLAN, findings(before), findings(*after), "r")
    found = [(name, one) for name in ("proved", "missed", "worse", "unknown") for one in getattr(proof, name)]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("after", "where"),
    [
        (Status.PASS, "proved"),
        (Status.FAIL, "missed"),
        (Status.UNKNOWN, "unknown"),
        (Status.NOT_APPLICABLE, "missed"),
    ],
)
def test_what_was_planned_is_proved_only_by_a_pass(after: Status, where: str) -> None:
    ended = outcome(finding("planned"), finding("planned", status=after, reason="why"))
    assert ended == (where, Outcome("w1", "planned", Status.FAIL, after, planned=True, reason="why"))


def test_a_planned_host_that_was_not_seen_is_unknown() -> None:
    ended = outcome(finding("planned"))
    assert ended is not None
    assert (ended[0], ended[1].after, ended[1].reason) == (
        "unknown",
        Status.UNKNOWN,
        "it was not collected this time",
    )


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (Status.PASS, Status.FAIL, "worse"),
        (Status.PASS, Status.UNKNOWN, "unknown"),
        (Status.FAIL, Status.UNKNOWN, None),
        (Status.UNKNOWN, Status.UNKNOWN, None),
        (Status.PASS, Status.PASS, None),
        (Status.PASS, Status.NOT_APPLICABLE, "worse"),
        (Status.FAIL, Status.FAIL, None),
        (Status.FAIL, Status.PASS, None),
        (Status.UNKNOWN, Status.FAIL, "worse"),
        (Status.NOT_APPLICABLE, Status.FAIL, "worse"),
        (Status.UNKNOWN, Status.NOT_APPLICABLE, None),
        (Status.WAIVED, Status.FAIL, None),
    ],
)
def test_what_was_not_planned_is_worse_if_it_held_before_or_fails_only_now(
    before: Status, after: Status, where: str | None
) -> None:
    ended = outcome(finding("other", status=before), finding("other", status=after))
    assert (ended[0] if ended else None) == where


def test_the_same_control_on_another_host_is_not_planned() -> None:
    assert outcome(finding("planned", "w2"), finding("planned", "w2", Status.PASS)) is None


def test_a_part_of_the_hosts_can_be_compared() -> None:
    plan, before = narrow(PLAN, findings(finding("planned"), finding("planned", "w2")), ["w2"])
    assert plan.hosts == {}
    assert [one.host for one in before.findings] == ["w2"]
