# SPDX-License-Identifier: Apache-2.0
"""Every example of every control gives the status under which it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cksharden.catalog import Catalogued, load_controls
from cksharden.evaluate import evaluate
from cksharden.kinds import KINDS, CannotRemedy
from cksharden.model import Status
from cksharden.policy import Selection

if TYPE_CHECKING:
    from cksharden.facts import NodeFacts

CONTROLS = load_controls()
PARTS = ("control_plane", "nodes")


def _examples() -> list[Any]:
    cases = []
    for one in CONTROLS:
        examples = one.control.examples
        for status, snippets in (
            (Status.PASS, examples.pass_),
            (Status.FAIL, examples.fail),
            (Status.UNKNOWN, examples.unknown),
            (Status.NOT_APPLICABLE, examples.not_applicable),
        ):
            for index, snippet in enumerate(snippets):
                cases.append(pytest.param(one, snippet, status, id=f"{one.control.id}-{status}-{index}"))
    return cases


def _facts(one: Catalogued, snippet: dict[str, Any]) -> NodeFacts:
    return KINDS[one.control.kind].example(one.spec, snippet)


@pytest.mark.parametrize(("one", "snippet", "status"), _examples())
def test_the_example_gives_its_status(one: Catalogued, snippet: dict[str, Any], status: Status) -> None:
    findings = evaluate(Selection("p", (one,)), {"example": _facts(one, snippet)}, run="r")
    assert [(finding.status, bool(finding.reason)) for finding in findings.findings] == [(status, True)]


@pytest.mark.parametrize("one", CONTROLS, ids=lambda one: one.control.id)
def test_every_control_shows_how_it_passes_fails_and_is_unknown(one: Catalogued) -> None:
    examples = one.control.examples
    assert all((examples.pass_, examples.fail, examples.unknown))
    assert all(text.endswith(".") for text in (one.control.why, one.control.breaks))
    assert not one.control.title.endswith(".")


@pytest.mark.parametrize("one", CONTROLS, ids=lambda one: one.control.id)
def test_a_failing_example_is_remedied_or_its_kind_says_why_not(one: Catalogued) -> None:
    """What a kind would write must meet the control's own expectation."""
    kind = KINDS[one.control.kind]
    facts = _facts(one, one.control.examples.fail[0])
    if one.control.kind == "file_access":
        assert all(item["path"].startswith("/") for item in kind.remedy(one.spec, facts))
    elif kind.role in ("static_pods", "encryption"):
        # Which one it is to be, a profile says.
        if one.control.default == "report_only" or getattr(one.spec, "type", "") == "first":
            with pytest.raises(CannotRemedy):
                kind.remedy(one.spec, facts)
        else:
            assert kind.remedy(one.spec, facts)
    elif one.spec.target is None:
        assert one.control.default == "report_only"
        with pytest.raises(CannotRemedy):
            kind.remedy(one.spec, facts)
    else:
        assert one.spec.holds(one.spec.target)


@pytest.mark.parametrize("one", CONTROLS, ids=lambda one: one.control.id)
def test_a_control_is_in_the_profiles_that_its_references_name(one: Catalogued) -> None:
    *profiles, part = one.control.profiles
    assert sorted(profiles) == sorted(one.control.refs)
    assert part == PARTS[one.control.kind in ("kubelet_setting", "file_access")]
    assert one.control.refs


@pytest.mark.parametrize(
    "one", [one for one in CONTROLS if one.control.default != "enabled"], ids=lambda one: one.control.id
)
def test_a_control_that_is_not_changed_says_why(one: Catalogued) -> None:
    said = {"report_only": "report only", "opt_in": "opt-in"}[one.control.default]
    assert said in one.control.why or "no effect" in one.control.breaks
