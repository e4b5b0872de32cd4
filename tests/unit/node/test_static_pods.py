# SPDX-License-Identifier: Apache-2.0
"""A transaction of static pods: what its gate takes for proof, and that the node ends as before or as planned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import rollback, static_pod_settings, store
from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS
from ansible_collections.cksharden.node.plugins.module_utils.node.rollback_begin import rollback_begin
from ansible_collections.cksharden.node.plugins.module_utils.node.rollback_preview import preview
from tests.unit.node.fake_control_plane import BAD, COMPONENTS, MANIFESTS, ControlPlane
from tests.unit.node.fakes import RUN, in_child

BACK = "20261123T150000Z-000001"


@pytest.fixture
def plane(tmp_path: Path) -> ControlPlane:
    return ControlPlane(tmp_path)


def test_etcd_first_then_the_others_in_one_window(plane: ControlPlane) -> None:
    begun = plane.system.monotonic()
    assert plane.begin()["begun"]
    closed = plane.run()
    assert (closed["outcome"], closed["proved"], closed["watched"]) == ("committed", True, 120)
    plane.assert_planned()
    pods = [record["data"]["pods"] for record in plane.records() if record["step"] == "gating"]
    assert pods == [["etcd"], ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]]
    # Two restarts, one of its own window and one of the others', and a few looks.
    assert 60 + 60 + 10 <= plane.system.monotonic() - begun <= 60 + 60 + 60


def test_nothing_is_swapped_before_the_part_before_it_is_proved(plane: ControlPlane) -> None:
    plane.begin()
    assert in_child(lambda: plane.agent(fatal="gating"))
    changed = [name for name in COMPONENTS if BAD in Path(plane.manifest(name)).read_text()]
    assert changed == ["etcd"]
    plane.agent()
    plane.assert_before()


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("dies", "ends whenever it is started"),
        ("dies_later", "ended after it had been well"),
        ("absent", "no new process"),
        ("unready", "is answered with 500"),
    ],
)
def test_what_does_not_come_up_or_stay_is_restored(
    plane: ControlPlane, component: str, fault: str, told: str
) -> None:
    plane.system.set(bad={component: fault})
    plane.begin()
    closed = plane.run()
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    if fault != "dies" or component in ("etcd", "kube-apiserver"):
        assert told in closed["reason"]
    if fault.startswith("dies"):
        assert f"{component} said: Error: unknown flag" in closed["reason"]
    elif fault == "absent":
        assert f"the kubelet said: E1123 failed to start {component}" in closed["reason"]
    plane.assert_before()


def test_a_kubelet_that_is_stopped_is_started_again_by_the_way_back(plane: ControlPlane) -> None:
    plane.begin()
    plane.agent(meanwhile=("swapping", lambda: plane.system.set(runs=False)))
    assert plane.closed()["outcome"] == "restored"
    assert "kubelet.service does not run" in plane.closed()["reason"]
    assert plane.closed()["proved"]
    assert plane.system.get("runs")
    plane.assert_before()


def test_what_ended_while_the_api_server_was_away_may_have_come_back(plane: ControlPlane) -> None:
    plane.system.set(bad={"kube-apiserver": "dies"})
    plane.begin(plane.transaction(changed=("kube-apiserver",)))

    def come_back() -> None:
        pods = plane.system.get("pods")
        pods["kube-scheduler"] |= {"started": plane.system.get("now") - 1, "number": 77}
        plane.system.set(pods=pods, runs=True)

    plane.agent(meanwhile=("restoring", come_back))
    assert plane.closed()["proved"]
    assert plane.system.get("restarts") == 0, "the kubelet need not be nudged"
    plane.assert_before()


def test_restored_but_not_proved(plane: ControlPlane) -> None:
    plane.begin()
    plane.agent(meanwhile=("gating", lambda: plane.system.set(api=False)))
    assert (plane.closed()["outcome"], plane.closed()["proved"]) == ("restored", False)
    plane.assert_before()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"runs": False}, "kubelet.service does not run"),
        ({"api": False}, "the API server does not answer"),
        ({"members": ["w1", "w2"], "bad": {"members": "w2"}}, "the member w2 of etcd does not answer"),
        ({"leader": "0"}, "do not agree on a leader"),
        ({"kubeadm": True}, "kubeadm"),
    ],
)
def test_a_control_plane_that_is_not_well_is_refused(
    plane: ControlPlane, state: dict[str, Any], told: str
) -> None:
    plane.begin()
    plane.system.set(**state)
    plane.agent()
    assert plane.closed()["outcome"] == "refused"
    assert told in plane.closed()["reason"]
    plane.assert_before()


def test_a_manifest_that_its_process_does_not_follow_is_refused(plane: ControlPlane) -> None:
    pods = plane.system.get("pods")
    pods["kube-scheduler"]["words"].append("--v=secret")
    plane.system.set(pods=pods)
    plane.begin()
    assert plane.run()["outcome"] == "refused"
    assert "the command line of kube-scheduler is another: --v is not in" in plane.closed()["reason"]
    assert "secret" not in plane.closed()["reason"]


@pytest.mark.parametrize("most", [50, -1])
def test_an_image_that_is_gone_could_not_be_started_from(plane: ControlPlane, most: int) -> None:
    plane.system.set(images=["registry.k8s.io/etcd:3.7.0-0"], max_images=most)
    plane.begin()
    assert plane.run()["outcome"] == "refused"
    told = "the image registry.k8s.io/kube-apiserver:v1.37.2 of kube-apiserver is not on this node"
    assert told in plane.closed()["reason"]
    plane.assert_before()


def test_an_image_that_the_kubelet_may_only_not_have_listed_is_no_obstacle(plane: ControlPlane) -> None:
    plane.system.set(images=["registry.k8s.io/etcd:3.7.0-0"], max_images=1)
    plane.begin()
    assert plane.run()["outcome"] == "committed"


def test_a_manifest_that_changes_behind_the_swap_is_put_back(plane: ControlPlane) -> None:
    path = Path(plane.manifest("kube-scheduler"))
    plane.begin(plane.transaction(changed=("kube-scheduler",)))
    # A comment starts no pod anew, so that only the file tells of it.
    plane.agent(meanwhile=("gating", lambda: path.write_bytes(path.read_bytes() + b"# theirs\n")))
    assert plane.closed()["outcome"] == "restored"
    assert "somebody changed a manifest" in plane.closed()["reason"]
    plane.assert_before()


def test_a_scheduler_that_ends_at_once_is_not_waited_for(plane: ControlPlane) -> None:
    """With nothing else restarting, it is nobody else's doing."""
    plane.system.set(bad={"kube-scheduler": "dies"})
    begun = plane.system.monotonic()
    plane.begin(plane.transaction(changed=("kube-scheduler",)))
    assert "ends whenever it is started" in plane.run()["reason"]
    assert plane.system.monotonic() - begun < static_pod_settings.LIMIT
    plane.assert_before()


def test_the_leader_hands_over_before_its_member_restarts(plane: ControlPlane) -> None:
    plane.system.set(members=["w1", "w2", "w3"])
    plane.begin()
    assert plane.run()["outcome"] == "committed"
    assert plane.system.get("moved") == ["w2"]
    plane.system.set(leader="w2")


def test_a_member_that_does_not_catch_up_is_put_back(plane: ControlPlane) -> None:
    plane.system.set(members=["w1", "w2"])
    plane.begin()
    plane.agent(meanwhile=("swapping", lambda: plane.system.set(behind=7)))
    assert plane.closed()["outcome"] == "restored"
    assert "7 entries still to apply" in plane.closed()["reason"]


def test_the_node_goes_back_where_a_member_goes_down_in_between(plane: ControlPlane) -> None:
    plane.system.set(members=["w1", "w2"])
    plane.begin()
    plane.agent(meanwhile=("gating", lambda: plane.system.set(bad={"members": "w2"})))
    assert plane.closed()["outcome"] == "restored"
    assert "the member w2 of etcd does not answer" in plane.closed()["reason"]
    plane.assert_before()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("fault", ["", "dies"])
def test_killed_once(plane: ControlPlane, step: str, reboots: bool, fault: str) -> None:
    plane.system.set(bad={"kube-apiserver": fault})
    plane.begin()
    if in_child(lambda: plane.agent(fatal=step)):
        if reboots:
            plane.system.reboot()
        plane.agent()
    closed = plane.closed()
    if closed["outcome"] == "committed":
        plane.assert_planned()
    else:
        plane.assert_before()
        assert closed["proved"]


def test_a_rollback_takes_it_back_by_the_same_gate(plane: ControlPlane) -> None:
    plane.begin()
    plane.run()
    back = take_back(plane)
    assert back["restart"] == "static_pods"
    plane.begin(back)
    assert plane.run(back["run"])["outcome"] == "committed"
    plane.assert_before()


def test_a_rollback_works_with_the_api_down_and_says_that_nothing_proved_it(plane: ControlPlane) -> None:
    plane.begin()
    plane.run()
    plane.system.set(api=False)
    back = take_back(plane)
    plane.begin(back)
    assert plane.run(back["run"]) | {"reason": ""} == {
        "outcome": "committed",
        "reason": "",
        "kubelet_error": None,
        "proved": False,
        "watched": 0,
    }
    plane.assert_before()


def test_a_manifest_that_an_upgrade_wrote_is_not_put_back_by_force_either(plane: ControlPlane) -> None:
    plane.begin()
    plane.run()
    manifest = Path(plane.path(f"{MANIFESTS}/kube-apiserver.yaml"))
    upgraded = manifest.read_bytes().replace(b":v1.37.2", b":v1.38.0")
    manifest.write_bytes(upgraded)
    payload = {"of": RUN, "role": "static_pods", "run": BACK, "host": "w1", "force": True, "agent": "# agent"}
    (role,) = preview({"of": RUN}, plane.base)["roles"]
    told = "it is of v1.38.0 by now, and was of v1.37.2 before that run"
    assert {"path": str(manifest), "status": "newer", "told": told} in role["files"]
    answer = rollback_begin(payload, plane.base, plane.system)
    assert (answer["begun"], told in answer["reason"]) == (False, True)
    assert manifest.read_bytes() == upgraded
    manifest.write_bytes(upgraded.replace(b":v1.38.0", b":v1.37.2") + b"# mine\n")
    assert (
        "changed since run" in rollback_begin(payload | {"force": False}, plane.base, plane.system)["reason"]
    )


def take_back(plane: ControlPlane) -> dict[str, Any]:
    kept = next(each for each in store.kept(plane.base) if each.run == RUN)
    payload = {"run": BACK, "host": "w1", "force": False, "window": None, "limit": None}
    return rollback.build(plane.base, kept, payload)[0]


def test_a_stray_is_taken_away_and_its_pod_gated(plane: ControlPlane) -> None:
    stray = plane.path(f"{MANIFESTS}/kube-scheduler.yaml.bak")
    Path(stray).write_bytes(b"kind: Pod\n")
    plane.before = plane.snapshot()
    transaction = plane.transaction(changed=("kube-scheduler",))
    removal = {"path": stray, "action": "restore", "before": {"existed": False}, "backup": "", "ground": None}
    transaction["changes"].append({**removal, "ground": plane.ground(f"{MANIFESTS}/kube-scheduler.yaml.bak")})
    transaction["changes"][1]["edits"] = []  # only touched
    transaction["gate"]["strays"] = {stray: "kube-scheduler"}
    begun = plane.system.monotonic()
    plane.begin(transaction)
    assert plane.run()["outcome"] == "committed"
    assert not os.path.lexists(stray)
    assert plane.system.monotonic() - begun >= 25 + 60, "the kubelet may look at its directory late"


def test_the_floors_of_the_gate_are_told(plane: ControlPlane) -> None:
    transaction = plane.transaction()
    transaction["gate"].update(window=3, etcd_window=3, limit=5)
    raised = plane.begin(transaction)["raised"]
    assert [told.split(" of ")[0] for told in raised] == [
        "the gate's window",
        "the gate's etcd_window",
        "the gate's limit",
    ]
    assert static_pod_settings.patience({}) > 2 * (300 + 150)
