# SPDX-License-Identifier: Apache-2.0
"""Somebody else is at work on the same manifest, or on kubeadm-config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.command import findings, snapshot
from tests.lab.static_pods import NODE, SCHEDULER, Apply

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("well_control_plane")]


def kubernetes() -> dict[str, str]:
    """Return what a node has in /etc/kubernetes: an agent that is held has a unit elsewhere."""
    return {path: state for path, state in snapshot(NODE).items() if path.startswith("/etc/kubernetes")}


def test_somebody_changes_the_manifest_meanwhile(tmp_path: Path) -> None:
    """What they wrote stays, and nothing of ours is made of it."""
    line = "# changed by hand"
    with static_pods.held("backed_up", tmp_path) as run:
        testing.run(NODE, f"cp -p {SCHEDULER} /root/kept && echo '{line}' >> {SCHEDULER}")
        theirs = kubernetes()
    try:
        static_pods.assert_refused(run, f"{SCHEDULER} has changed since the plan")
        assert kubernetes() == theirs
    finally:
        testing.run(NODE, f"mv /root/kept {SCHEDULER}")


@pytest.mark.faults
def test_somebody_changes_the_manifest_behind_the_swap(tmp_path: Path) -> None:
    """What runs is not what was planned: the node goes back to what it was."""
    with static_pods.as_before():
        theirs = f"sed 's/--leader-elect=true/&\\n    - --v=3/' {SCHEDULER} >/root/theirs"
        with static_pods.held("gating", tmp_path) as run:
            testing.run(NODE, f"{theirs} && mv /root/theirs {SCHEDULER}")
        static_pods.assert_put_back(run, "somebody changed a manifest while its pod was watched")


@pytest.mark.faults
def test_a_copy_that_the_kubelet_takes_goes_and_the_true_manifest_runs(tmp_path: Path) -> None:
    """It is told of, announced as a restart of its pod, and gated."""
    copy, asked = f"{SCHEDULER}.bak", static_pods.profile(tmp_path, "static_pod_manifests")
    before = snapshot(NODE, times=False)
    theirs = f"sed 's/--leader-elect=true/&\\n    - --v=3/' {SCHEDULER} >/root/theirs"
    testing.run(NODE, f"{theirs} && mv /root/theirs {copy}")
    faults.wait(
        lambda: "v" in static_pods.options("kube-scheduler"), 120, "the kubelet does not take the copy"
    )
    found = findings(faults.inventory(), "--profile", str(asked), runs=tmp_path / "check")
    finding = found[NODE, "static_pod_manifests"]
    assert finding["status"] == "fail"
    assert f"{copy} defines the pod" in finding["reason"]
    assert "the kubelet takes this one" in finding["reason"]
    run = Apply(tmp_path, asked, *static_pods.ONE)
    ended = run.wait()
    assert ended.code == 0, ended.out
    assert static_pods.settled(run.run)["outcome"] == "committed"
    plan = json.loads((run.directory / "plan.json").read_text())["hosts"][NODE]
    assert plan["restarts"] == ["kube-scheduler"]
    assert [(file["path"], file["action"]) for file in plan["files"]] == [
        (copy, "remove"),
        (SCHEDULER, "edit"),
    ]
    assert "v" not in static_pods.options("kube-scheduler")
    assert snapshot(NODE, times=False) == before


@pytest.mark.faults
def test_somebody_changes_kubeadm_config_meanwhile(tmp_path: Path) -> None:
    """Their change and ours are both in it."""
    wanted = static_pods.other()
    # On all: with --limit it would be left alone.
    with static_pods.held("gating", tmp_path, limited=False) as run:
        text = static_pods.kubeadm_config()
        static_pods.write_kubeadm_config(text.replace("clusterName: kubernetes", "clusterName: theirs"))
    ended = run.wait()
    try:
        assert ended.code == 0, ended.out
        assert "clusterName: theirs" in static_pods.kubeadm_config()
        kept = yaml.safe_load(static_pods.kubeadm_config())
        assert {"name": "profiling", "value": wanted} in kept["scheduler"]["extraArgs"]
    finally:
        static_pods.write_kubeadm_config(
            static_pods.kubeadm_config().replace("clusterName: theirs", "clusterName: kubernetes")
        )


@pytest.mark.faults
def test_check_says_what_an_upgrade_would_lose(tmp_path: Path) -> None:
    """An apply of one of several control planes, or one that ended before kubeadm-config was written."""
    wanted = static_pods.profiling() != "false"
    with static_pods.held("committed", tmp_path) as run:
        run.kill()
    static_pods.settled(run.run)
    asked = static_pods.profile(tmp_path, "scheduler_profiling", equals=not wanted)
    found = findings(faults.inventory(), "--profile", str(asked), runs=tmp_path / "check")
    finding = found[NODE, "scheduler_profiling"]
    assert finding["status"] == "fail"
    assert "lost at the next kubeadm upgrade" in finding["reason"]
    again = Apply(tmp_path, asked)
    ended = again.wait()
    assert ended.code == 0, ended.out
