# SPDX-License-Identifier: Apache-2.0
"""What may be wrong with a change of a static pod, or happen beside it: nothing is lost, and the run says why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.command import Ended, findings, snapshot
from tests.lab.faults import Harden
from tests.lab.static_pods import NODE, SCHEDULER, Apply
from tests.lab.test_kill_points import name

pytestmark = [
    pytest.mark.lab,
    pytest.mark.control_plane,
    pytest.mark.usefixtures("faulty_control_plane"),
]

ONE = ("--limit", NODE)
IMAGES = "ctr --namespace k8s.io images"


@pytest.fixture(autouse=True)
def planted(faulty_control_plane: None) -> Iterator[None]:
    """A control plane that is well, and afterwards has nothing planted any more."""
    faults.wait(static_pods.well, 120, "the control plane is not well")
    yield
    faults.remove(NODE)
    faults.install(NODE)


def refused(directory: Path, control: str) -> Path:
    return static_pods.profile(directory, control, one_of=["VersionTLS99"], set="VersionTLS99")


def assert_put_back(run: Apply, *told: str) -> Ended:
    ended = run.wait()
    assert ended.code == 3, ended.out
    closed = static_pods.settled(run.run)
    assert (closed["outcome"], closed["proved"]) == ("restored", True), closed
    for words in told:
        assert words in closed["reason"]
        assert words in ended.out
    return ended


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


# ------------------------------------------------------------------ it does not come up, or does not stay


def test_the_api_server_refuses_a_value(tmp_path: Path) -> None:
    with static_pods.as_before():
        run = Apply(tmp_path, refused(tmp_path, "apiserver_tls_min_version"), *ONE)
        assert_put_back(run, "kube-apiserver ends whenever it is started", "VersionTLS99", "command failed")


def test_it_dies_after_it_was_well(tmp_path: Path) -> None:
    with static_pods.as_before():
        faults.plant("gating", "hold", NODE)
        run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
        faults.wait_held(node=NODE)
        faults.release(NODE)
        time.sleep(40)  # it is well, and the window has begun
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
    wanted = "true" if static_pods.profiling() == "false" else "false"
    item = {"component": "kube-scheduler", "option": "profiling", "value": wanted}
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
            ended = run.wait()
            assert ended.code == 3, ended.out
            assert f"the image {image} of kube-scheduler is not on this node" in ended.out
            assert static_pods.settled(run.run)["outcome"] == "refused"
    finally:
        testing.run(NODE, f"{IMAGES} import /root/scheduler.tar && rm /root/scheduler.tar")


# ------------------------------------------------------------------ what it needs goes away


@pytest.mark.faults
def test_the_kubelet_is_stopped_before(tmp_path: Path) -> None:
    with static_pods.as_before():
        faults.plant("begin", "hold", NODE)
        run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
        faults.wait_held(node=NODE)
        testing.run(NODE, "systemctl stop kubelet")
        faults.release(NODE)
        ended = run.wait()
        testing.run(NODE, "systemctl start kubelet")
        assert ended.code == 3, ended.out
        assert "kubelet.service does not run" in ended.out
        assert static_pods.settled(run.run)["outcome"] == "refused"
    testing.wait_ready(NODE)


@pytest.mark.faults
def test_the_kubelet_is_stopped_in_the_middle(tmp_path: Path) -> None:
    """The way back starts it again by itself."""
    with static_pods.as_before():
        faults.plant("gating", "hold", NODE)
        run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
        faults.wait_held(node=NODE)
        testing.run(NODE, "systemctl stop kubelet")
        faults.release(NODE)
        assert_put_back(run, "kubelet.service does not run")
    testing.wait_ready(NODE)


@contextmanager
def small_etc_kubernetes() -> Iterator[None]:
    """Have a node keep /etc/kubernetes on a filesystem of its own, of 8 MiB."""
    place = "/etc/kubernetes"
    testing.run(
        NODE,
        f"""
        set -e
        systemctl stop kubelet
        mkdir -p /run/small && mount -t tmpfs -o size=8m,mode=0755 tmpfs /run/small
        cp -a {place}/. /run/small/ && mount --bind /run/small {place}
        systemctl start kubelet
        """,
    )
    faults.wait(static_pods.well, 120, "the control plane is not well")
    try:
        yield
    finally:
        testing.run(
            NODE,
            f"systemctl stop kubelet; umount -l {place}; umount -l /run/small; systemctl start kubelet",
        )
        testing.wait_ready(NODE)


def fill(directory: str = "/etc/kubernetes") -> None:
    testing.run(NODE, f"cat /dev/zero > {directory}/filler", check=False)


@pytest.mark.faults
@pytest.mark.parametrize("step", ["begin", "backed_up", "swapping"])
def test_the_disk_of_etc_kubernetes_is_full(step: str, tmp_path: Path) -> None:
    """Before anything is staged nothing begins, and the way back needs no room."""
    with small_etc_kubernetes(), static_pods.as_before():
        faults.plant(step, "hold", NODE)
        run = Apply(tmp_path, refused(tmp_path, "scheduler_tls_min_version"), *ONE)
        faults.wait_held(node=NODE)
        fill()
        faults.release(NODE)
        ended = run.wait()
        assert ended.code == 3, ended.out
        closed = static_pods.settled(run.run)
        testing.run(NODE, "rm /etc/kubernetes/filler")
        expected = {"begin": "refused", "backed_up": "abandoned", "swapping": "restored"}
        assert closed["outcome"] == expected[step], closed
        told = {"begin": "no room", "backed_up": "No space left", "swapping": "VersionTLS99"}
        assert told[step] in ended.out


# ------------------------------------------------------------------ somebody else is at work


def kubernetes() -> dict[str, str]:
    """Return what a node has in /etc/kubernetes: an agent that is held has a unit elsewhere."""
    return {path: state for path, state in snapshot(NODE).items() if path.startswith("/etc/kubernetes")}


def test_somebody_changes_the_manifest_meanwhile(tmp_path: Path) -> None:
    """What they wrote stays, and nothing of ours is made of it."""
    line = "# changed by hand"
    faults.plant("backed_up", "hold", NODE)
    run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
    faults.wait_held(node=NODE)
    testing.run(NODE, f"cp -p {SCHEDULER} /root/kept && echo '{line}' >> {SCHEDULER}")
    theirs = kubernetes()
    faults.release(NODE)
    ended = run.wait()
    try:
        assert ended.code == 3, ended.out
        assert f"{SCHEDULER} has changed since the plan" in ended.out
        assert static_pods.settled(run.run)["outcome"] == "refused"
        assert kubernetes() == theirs
    finally:
        testing.run(NODE, f"mv /root/kept {SCHEDULER}")


@pytest.mark.faults
def test_somebody_changes_the_manifest_behind_the_swap(tmp_path: Path) -> None:
    """What runs is not what was planned: the node goes back to what it was."""
    with static_pods.as_before():
        faults.plant("gating", "hold", NODE)
        run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
        faults.wait_held(node=NODE)
        theirs = f"sed 's/--leader-elect=true/&\\n    - --v=3/' {SCHEDULER} >/root/theirs"
        testing.run(NODE, f"{theirs} && mv /root/theirs {SCHEDULER}")
        faults.release(NODE)
        assert_put_back(run, "somebody changed a manifest while its pod was watched")


@pytest.mark.faults
def test_somebody_changes_kubeadm_config_meanwhile(tmp_path: Path) -> None:
    """Their change and ours are both in it."""
    wanted = "true" if static_pods.profiling() == "false" else "false"
    faults.plant("gating", "hold", NODE)
    run = Apply(tmp_path, static_pods.turned(tmp_path))  # on all: with --limit it would be left alone
    faults.wait_held(400, node=NODE)
    text = static_pods.kubeadm_config()
    static_pods.write_kubeadm_config(text.replace("clusterName: kubernetes", "clusterName: theirs"))
    faults.release(NODE)
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
    faults.plant("committed", "hold", NODE)
    run = Apply(tmp_path, static_pods.turned(tmp_path), *ONE)
    faults.wait_held(node=NODE)
    run.kill()
    faults.release(NODE)
    static_pods.settled(run.run)
    asked = static_pods.profile(tmp_path, "scheduler_profiling", equals=not wanted)
    found = findings(faults.inventory(), "--profile", str(asked), runs=tmp_path / "check")
    finding = found[NODE, "scheduler_profiling"]
    assert finding["status"] == "fail"
    assert "lost at the next kubeadm upgrade" in finding["reason"]
    again = Apply(tmp_path, asked)
    ended = again.wait()
    assert ended.code == 0, ended.out
