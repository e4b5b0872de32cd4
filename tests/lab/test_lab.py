# SPDX-License-Identifier: Apache-2.0
"""The lab keeps its promises: a cluster that works, made once, alone, as the packages make one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing
from lab.gobuild import VERSIONS
from lab.keys import ensure_keys
from lab.offer import offered
from lab.podman import privileged_options
from lab.state import read_state
from lab.topology import TOPOLOGIES
from lab.up import CHECKOUT

pytestmark = pytest.mark.lab

NAMESPACE = "lab-test"


def lab_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "lab", *words]


def lab_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT / "molecule/shared")}


def wait_until_unfinished() -> None:
    """Wait until `up` has written down that it makes a lab."""
    for _ in range(600):
        state = read_state()
        if state is not None and state.phase == "building":
            return
        time.sleep(0.05)
    raise AssertionError("up has not begun after 30 s")


def run_lab(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the lab's command line as nox does."""
    return subprocess.run(
        lab_command(*words), capture_output=True, text=True, env=lab_environment(), timeout=300, check=False
    )


def container_ids() -> list[str]:
    listed = subprocess.run(
        ["podman", "ps", "--no-trunc", "--filter", "label=cksharden.lab", "--format", "{{.ID}} {{.StartedAt}}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return sorted(listed.stdout.splitlines())


def pod(name: str, node: str, command: list[str], labels: dict[str, str]) -> dict[str, object]:
    container = {"name": "main", "image": testing.TEST_IMAGE, "imagePullPolicy": "Never", "command": command}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]},
    }


@pytest.fixture
def web_service() -> Iterator[str]:
    """A web server on the last node behind a Service, and a pod to ask it from on every node."""
    where = testing.nodes()[-1].name
    serve = ["/bin/sh", "-c", "echo it answers >/www/index.html; exec httpd -f -p 80 -h /www"]
    objects: list[dict[str, object]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        pod("web", where, serve, {"app": "web"}),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        },
        *(pod(f"ask-{node.name}", node.name, ["sleep", "600"], {}) for node in testing.nodes()),
    ]
    try:
        for item in objects:
            testing.kubectl("apply", "-f", "-", stdin=json.dumps(item))
            if item["kind"] == "Namespace":
                testing.kubectl(
                    "-n", NAMESPACE, "wait", "--for=create", "--timeout=30s", "serviceaccount/default"
                )
        testing.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pods", "--all")
        yield f"http://web.{NAMESPACE}.svc.cluster.local/"
    finally:
        testing.kubectl("delete", "namespace", NAMESPACE, "--wait=true")


def test_pod_on_each_node_reaches_a_service_by_its_name(web_service: str) -> None:
    for node in testing.nodes():
        # Debian's busybox crashes at wget's own -T.
        ask = (
            f"for try in 1 2 3 4 5; do timeout 5 wget -q -O - {web_service} && exit 0; sleep 1; done; exit 1"
        )
        answer = testing.kubectl("-n", NAMESPACE, "exec", f"ask-{node.name}", "--", "/bin/sh", "-c", ask)
        assert answer.stdout == "it answers\n", node.name


def test_coredns_runs() -> None:
    shown = testing.kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", "json").stdout
    status = json.loads(shown)["status"]
    assert status["readyReplicas"] == status["replicas"] == 2


def test_status_shows_a_whole_lab() -> None:
    shown = run_lab("status")
    assert shown.returncode == 0, shown.stdout
    for node in TOPOLOGIES[testing.lab().topology]:
        assert f"{node.name:6}{node.address:16}" in shown.stdout
    assert shown.stdout.count("Ready") == len(testing.nodes())
    assert shown.stdout.count(f" v{testing.lab().kubernetes} ") == len(testing.nodes())


def test_shell_runs_a_command_and_returns_its_exit_code() -> None:
    assert run_lab("shell", "w1", "--", "uname", "-n").stdout == "w1\n"
    assert run_lab("shell", "w1", "--", "/bin/sh", "-c", "exit 7").returncode == 7


def test_up_again_touches_nothing() -> None:
    state, before = testing.lab(), container_ids()
    again = run_lab("up", "--topology", state.topology, "--kubernetes", state.kubernetes)
    assert again.returncode == 0, again.stderr
    assert container_ids() == before


@pytest.mark.parametrize(
    ("differs", "there_are"), [("topology", list(TOPOLOGIES)), ("kubernetes", list(VERSIONS))]
)
def test_second_lab_is_refused_and_the_first_one_named(differs: str, there_are: list[str]) -> None:
    state, before = testing.lab(), container_ids()
    wanted = {"topology": state.topology, "kubernetes": state.kubernetes}
    wanted[differs] = next(other for other in there_are if other != wanted[differs])
    refused = run_lab("up", "--topology", wanted["topology"], "--kubernetes", wanted["kubernetes"])
    assert refused.returncode == 2
    assert f"{state.topology}, Kubernetes {state.kubernetes}, of {state.checkout}" in refused.stderr
    assert "nox -s lab -- down" in refused.stderr
    assert container_ids() == before
    assert read_state() == state


def test_version_that_is_offered_lies_on_every_node_and_what_runs_stays() -> None:
    version = testing.lab().kubernetes
    installed = ["stat", "--format", "%i %Z", "/usr/bin/kubelet"]
    before = testing.run("w1", installed).stdout
    image = f"registry.k8s.io/kube-scheduler:v{version}"
    testing.run("w1", ["crictl", "rmi", image])
    try:
        offering = run_lab("offer", version)
        assert offering.returncode == 0, offering.stderr
        for node in testing.nodes():
            printed = testing.run(node.name, [f"{offered(version)}/kubeadm", "version", "--output", "short"])
            assert printed.stdout == f"v{version}\n"
            testing.run(node.name, ["crictl", "inspecti", image])
        assert testing.run("w1", installed).stdout == before
    finally:
        for node in testing.nodes():
            testing.run(node.name, ["rm", "-r", offered(version)])


def test_files_of_a_new_node_are_as_the_kubernetes_packages_install_them() -> None:
    # In the image: by now other tests may have hardened the nodes themselves.
    image = subprocess.run(
        ["podman", "inspect", "--format", "{{.ImageName}}", "cp1"], capture_output=True, text=True, check=True
    ).stdout.strip()
    expected = {
        "/usr/lib/systemd/system/kubelet.service": "644",
        "/usr/lib/systemd/system/kubelet.service.d": "755",
        "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": "644",
        "/etc/default/kubelet": "644",
        "/etc/kubernetes": "755",
        "/etc/kubernetes/manifests": "755",
        "/etc/kubernetes/manifests/.kubelet-keep": "644",
        "/var/lib/kubelet": "755",
        "/var/lib/kubelet/.kubelet-keep": "644",
        "/usr/bin/kubelet": "755",
        "/usr/bin/kubeadm": "755",
        "/usr/bin/kubectl": "755",
    }
    stat = ["stat", "--format", "%n %a %U:%G", *expected]
    shown = subprocess.run(
        ["podman", "--runtime", "runc", "run", "--rm", "--network", "none", *privileged_options(), image, *stat],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.splitlines() == [f"{path} {mode} root:root" for path, mode in expected.items()]


def test_nodes_are_reached_over_ssh_with_their_host_key_checked() -> None:
    keys = ensure_keys()
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes",
               "-o", f"UserKnownHostsFile={keys.known_hosts}", "-i", str(keys.client)]  # fmt: skip
    for node in testing.nodes():
        answer = subprocess.run(["ssh", *options, f"root@{node.address}", "hostname"],
                                capture_output=True, text=True, timeout=30, check=False)  # fmt: skip
        assert (answer.returncode, answer.stdout) == (0, f"{node.name}\n"), answer.stderr


@pytest.mark.faults
def test_up_that_was_killed_is_taken_up_again(tmp_path: Path) -> None:
    state = testing.lab()
    words = ["up", "--topology", state.topology, "--kubernetes", state.kubernetes]
    # While it makes the nodes, and while kubeadm runs.
    for seconds, fresh in ((0.5, ["--fresh"]), (5.0, [])):
        with (tmp_path / "printed").open("w") as printed:
            making = subprocess.Popen(lab_command(*words, *fresh), stdout=printed, env=lab_environment())
            wait_until_unfinished()
            time.sleep(seconds)
            making.kill()
            making.wait()
        unfinished = read_state()
        assert unfinished is not None
        assert unfinished.phase == "building"
    again = run_lab(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert run_lab("status").returncode == 0


@pytest.mark.faults
def test_node_comes_back_after_a_power_cut() -> None:
    testing.run("w1", "echo still here > /var/lib/kubelet/mark && sync")
    testing.power_cut("w1")
    assert run_lab("status").returncode == 1
    testing.start("w1")
    testing.wait_ready("w1")
    assert testing.run("w1", "cat /var/lib/kubelet/mark; rm /var/lib/kubelet/mark").stdout == "still here\n"
    assert testing.node("w1").address in testing.run("w1", "ip -4 address show eth0").stdout


@pytest.mark.faults
def test_up_starts_what_was_switched_off() -> None:
    state = testing.lab()
    for node in testing.nodes():
        testing.power_cut(node.name)
    again = run_lab("up", "--topology", state.topology, "--kubernetes", state.kubernetes)
    assert again.returncode == 0, again.stderr
    assert "started again" in again.stdout
    assert run_lab("status").returncode == 0
