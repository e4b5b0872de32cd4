# SPDX-License-Identifier: Apache-2.0
"""The agent is killed after any record of its journal, and in the recovery again: before or planned, always."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS
from tests.unit.node.fakes import FakeNode, in_child

SCENARIOS = ("commits", "dies", "no_systemd", "refuses")


def prepare(node: FakeNode, scenario: str) -> None:
    transaction = node.transaction()
    if scenario == "refuses":
        transaction["changes"][3]["ground"]["digest"] = "sha256:other"
    if scenario in ("dies", "no_systemd"):
        node.system.set(fault=scenario)
    assert node.begin(transaction)["begun"]


def assert_settled(node: FakeNode) -> None:
    outcome = node.closed()["outcome"]
    if outcome == "committed":
        node.assert_planned()
    else:
        node.assert_before()


@pytest.mark.parametrize(("scenario", "step"), list(itertools.product(SCENARIOS, STEPS)))
@pytest.mark.parametrize("reboots", [False, True])
def test_killed_once(node: FakeNode, scenario: str, step: str, reboots: bool) -> None:
    prepare(node, scenario)
    if in_child(lambda: node.agent(fatal=step)):
        assert node.records()[-1]["step"] == step
        if reboots:
            node.system.reboot()
        node.agent()
    assert_settled(node)


@pytest.mark.parametrize("scenario", ["commits", "dies"])
@pytest.mark.parametrize("steps", list(itertools.product(STEPS, STEPS)))
def test_killed_twice(node: FakeNode, scenario: str, steps: tuple[str, str]) -> None:
    prepare(node, scenario)
    if in_child(lambda: node.agent(fatal=steps[0])) and in_child(lambda: node.agent(fatal=steps[1])):
        node.agent()
    assert_settled(node)


def test_the_walk_reaches_every_step(tmp_path: Path) -> None:
    seen = set()
    for scenario in SCENARIOS:
        (tmp_path / scenario).mkdir()
        node = FakeNode(tmp_path / scenario)
        prepare(node, scenario)
        node.agent()
        seen |= {record["step"] for record in node.records()}
    (tmp_path / "killed").mkdir()
    node = FakeNode(tmp_path / "killed")
    prepare(node, "commits")
    in_child(lambda: node.agent(fatal="staged"))
    node.agent()
    seen |= {record["step"] for record in node.records()}
    assert seen == set(STEPS)
