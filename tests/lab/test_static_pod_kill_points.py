# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed while a static pod changes: the node ends as before or as planned, by itself.

Every row begins with what the row before left, so each also shows that the next apply converges.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import testing

from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS
from tests.lab import faults, static_pods
from tests.lab.command import snapshot
from tests.lab.static_pods import NODE, ONE, Apply
from tests.lab.test_kill_points import drawn, rows

pytestmark = pytest.mark.lab

FAILING = ("restoring", "restored")
# A kubelet restarts static pods by itself.
REACHED = tuple(step for step in STEPS if step not in (*FAILING, "refused", "abandoned", "restarting"))
# What is drawn for CI leaves the node as it was, so that nothing has to be taken back.
PUT_BACK = ("swapping", "swapped", "gating")


@pytest.fixture
def before(well_control_plane: None) -> dict[str, str]:
    """The files of a control plane that is well."""
    return snapshot(NODE)


def assert_settled(run: str, before: dict[str, str], wanted: str) -> dict[str, Any]:
    """The node is as before or as planned, in its files and in its processes; return its end."""
    closed = static_pods.settled(run)
    faults.wait(static_pods.well, 120, "the control plane is not well")
    if closed["outcome"] == "committed":
        assert static_pods.profiling() == wanted
        changed = {
            line for line in before.items() ^ snapshot(NODE).items() if "kube-scheduler" not in line[0]
        }
        assert changed == set(), "nothing else was to change"
    else:
        assert snapshot(NODE) == before
    return closed


@pytest.mark.parametrize("step", rows(drawn(PUT_BACK), steps=REACHED))
def test_the_agent_is_killed(step: str, before: dict[str, str], tmp_path: Path) -> None:
    wanted = static_pods.other()
    faults.plant(step, "kill", NODE)
    run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
    ended = run.wait()
    closed = assert_settled(run.run, before, wanted)
    reached = STEPS.index(step) >= STEPS.index("swapping")
    expected = {"committed": "committed", "closed": "committed"}
    assert closed["outcome"] == expected.get(step, "restored" if reached else "abandoned")
    assert closed["proved"]
    if closed["outcome"] == "committed":
        assert ended.code in (0, 1), ended.out  # 1: --limit left kubeadm-config to a run of all
    else:
        assert ended.code == 3, ended.out
        assert f"stopped after the step {step}" in ended.out


@pytest.mark.parametrize("step", rows(steps=FAILING))
def test_the_agent_is_killed_while_it_restores(step: str, before: dict[str, str], tmp_path: Path) -> None:
    faults.plant(step, "kill", NODE)
    run = Apply(tmp_path, static_pods.refused(tmp_path, "scheduler_tls_min_version"), *ONE)
    ended = run.wait()
    assert ended.code == 3, ended.out
    assert assert_settled(run.run, before, "")["outcome"] == "restored"


@pytest.mark.parametrize("step", rows(steps=REACHED[:-1]))
def test_cksharden_is_killed(step: str, before: dict[str, str], tmp_path: Path) -> None:
    """The node goes on alone, and the next apply takes over the lock of a process that is gone."""
    wanted = static_pods.other()
    with static_pods.held(step, tmp_path) as run:
        run.kill()
    assert assert_settled(run.run, before, wanted)["outcome"] == "committed"
    assert faults.lock_holder() == run.run


@pytest.mark.parametrize(
    "step", rows(steps=("begin", "staged", "swapping", "swapped", "gating", "committed"))
)
def test_the_node_is_cut_from_power(step: str, before: dict[str, str], tmp_path: Path) -> None:
    wanted = static_pods.other()
    with static_pods.held(step, tmp_path) as run:
        testing.power_cut(NODE)
        testing.start(NODE)
    outcome = assert_settled(run.run, before, wanted)["outcome"]
    ended = run.wait()
    assert outcome == {"begin": "abandoned", "staged": "abandoned", "committed": "committed"}.get(
        step, "restored"
    )
    assert (ended.code == 3) == (outcome != "committed"), ended.out


@pytest.mark.faults
def test_ssh_is_cut(before: dict[str, str], tmp_path: Path) -> None:
    """No connection outlives it: the node goes on alone, and the run sees the end once it can ask again."""
    wanted = static_pods.other()
    with static_pods.held("swapping", tmp_path, ssh=faults.IMPATIENT) as run, faults.network_cut(NODE):
        faults.release(NODE)
        assert assert_settled(run.run, before, wanted)["outcome"] == "committed"
    ended = run.wait()
    assert ended.code in (0, 1), ended.out
