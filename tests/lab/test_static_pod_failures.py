# SPDX-License-Identifier: Apache-2.0
"""A change that does not come up, or does not stay: it is put back, and the run says why."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.faults import Harden
from tests.lab.static_pods import NODE, ONE, SCHEDULER, Apply, assert_put_back, refused
from tests.lab.test_kill_points import name

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("well_control_plane")]

IMAGES = "ctr --namespace k8s.io images"


def roll_out(directory: Path, item: dict[str, Any]) -> dict[str, Any]:
    """Have the role make a change that no control asks for, which fails; return its end."""
    run = Harden(
        name(),
        directory,
        node=NODE,
        static_pods_settings=[item],
        static_pods_gate_window=30,
        static_pods_gate_etcd_window=20,
        static_pods_gate_limit=120,
    )
    code, output = run.wait(500)
    assert code != 0, output
    closed = static_pods.settled(run.run)
    assert (closed["outcome"], closed["proved"]) == ("restored", True), closed
    assert "changed nothing: everything was put back" in output
    return closed


def test_the_api_server_refuses_a_value(tmp_path: Path) -> None:
    with static_pods.as_before():
        run = Apply(tmp_path, refused(tmp_path, "apiserver_tls_min_version"), *ONE)
        assert_put_back(run, "kube-apiserver ends whenever it is started", "VersionTLS99", "command failed")


def test_it_dies_after_it_was_well(tmp_path: Path) -> None:
    with static_pods.as_before():
        old = static_pods.reported("kube-scheduler")
        run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
        static_pods.wait_steady("kube-scheduler", old)
        time.sleep(6)  # a scheduler is ready before it has the Lease, which the window waits for
        testing.run(NODE, f"kill -9 $({static_pods.pids('kube-scheduler')})")
        assert_put_back(run, "kube-scheduler ended after it had been well")


def test_a_file_that_the_option_names_is_missing(tmp_path: Path) -> None:
    item = {"component": "kube-scheduler", "option": "config", "value": "/etc/kubernetes/pki/none.yaml"}
    with static_pods.as_before():
        closed = roll_out(tmp_path, item)
    assert "kube-scheduler said:" in closed["reason"]
    assert "/etc/kubernetes/pki/none.yaml: no such file" in closed["reason"]


@pytest.mark.faults
def test_a_file_that_the_option_names_is_not_mounted(tmp_path: Path) -> None:
    path = "/etc/kubernetes/cksharden/unmounted.yaml"
    item = {
        "component": "kube-apiserver",
        "option": "audit-policy-file",
        "value": path,
        "files": [{"path": path, "content": "{}\n", "mode": "0600"}],
    }
    with static_pods.as_before():
        closed = roll_out(tmp_path, item)
    assert "kube-apiserver said:" in closed["reason"]
    assert f"open {path}: no such file" in closed["reason"]


@pytest.mark.faults
def test_it_dies_after_two_minutes(tmp_path: Path) -> None:
    """Within the usual window, which the lab's inventory shortens."""
    item = {"component": "kube-scheduler", "option": "profiling", "value": static_pods.other()}
    with static_pods.as_before():
        faults.plant("gating", "hold", NODE)
        run = Harden(name(), tmp_path, node=NODE, static_pods_settings=[item], static_pods_gate_window=150)
        faults.wait_held(node=NODE)
        faults.release(NODE)
        time.sleep(135)
        testing.run(NODE, f"kill -9 $({static_pods.pids('kube-scheduler')})")
        code, output = run.wait(600)
        assert code != 0
        assert "kube-scheduler ended after it had been well" in output
        assert static_pods.settled(run.run)["outcome"] == "restored"


@pytest.mark.faults
def test_the_image_is_not_there(tmp_path: Path) -> None:
    """No registry could bring it back: the change is refused while the pod of the old manifest runs."""
    image = testing.run(NODE, f"sed -n 's/^ *image: //p' {SCHEDULER}").stdout.strip()
    testing.run(NODE, f"{IMAGES} export /root/scheduler.tar {image} && {IMAGES} rm --sync {image}")
    try:
        listed = ("get", "node", NODE, "--output", "jsonpath={.status.images[*].names}")
        faults.wait(lambda: image not in testing.kubectl(*listed).stdout, 90, "the kubelet still lists it")
        with static_pods.as_before():
            run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
            static_pods.assert_refused(run, f"the image {image} of kube-scheduler is not on this node")
    finally:
        testing.run(NODE, f"{IMAGES} import /root/scheduler.tar && rm /root/scheduler.tar")
