# SPDX-License-Identifier: Apache-2.0
"""What control planes say of a real cluster, and what a real kubeadm then does to a kubelet's configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import testing

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import declared
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_options import flatten
from cksharden import gather
from cksharden.cli.progress import Progress
from cksharden.collect import Collected, collect
from cksharden.facts import NodeFacts
from cksharden.kinds.kubelet_upgrade import after_upgrade
from cksharden.order import Order
from cksharden.policy import Selection
from cksharden.rundir import read_facts
from cksharden.runner import Connection
from tests.lab.command import ROOT, cksharden

LAB, HA = ROOT / "inventories/lab", ROOT / "inventories/lab-ha"
CONFIG = "/var/lib/kubelet/config.yaml"
PATCH = "/etc/kubernetes/patches/kubeletconfiguration0+merge.yaml"


def ask(inventory: Path, facts: Path, limit: str | None = None) -> Collected:
    facts.mkdir()
    return collect(inventory, {"schema": "1.0", "files": []}, Connection(), limit, facts)


def check(*words: str, runs: Path) -> tuple[dict[tuple[str, str], dict[str, Any]], list[str]]:
    """Return the findings by host and control, and the notes."""
    ended = cksharden("check", *words, "--format", "json", "--quiet", runs=runs)
    report = json.loads(ended.out)
    return {(one["host"], one["control"]): one for one in report["findings"]}, report["notes"]


def facets(finding: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item["what"]: (item["status"], item.get("source", "")) for item in finding["items"]}


def cluster_section(collected: Path | str) -> dict[str, Any]:
    assert isinstance(collected, Path), collected
    section: dict[str, Any] = read_facts(collected)["sections"]["cluster"]
    assert section["status"] == "ok", section["reason"]
    data: dict[str, Any] = section["data"]
    return data


@pytest.mark.lab
def test_a_control_plane_tells_of_its_cluster(tmp_path: Path) -> None:
    hosts = ask(LAB, tmp_path / "facts").hosts
    data = cluster_section(hosts["cp1"])
    assert data["server"] == "https://127.0.0.1:6443"
    nodes = {one["name"]: one for one in data["nodes"]}
    assert {name: (one["ready"], one["control_plane"]) for name, one in nodes.items()} == {
        "cp1": (True, True),
        "w1": (True, False),
    }
    assert {name: "config" in answer for name, answer in data["configz"].items()} == {"cp1": True, "w1": True}
    assert data["configz"]["w1"]["config"]["authentication"]["anonymous"]["enabled"] is False
    assert "kind: KubeletConfiguration" in data["kubelet_config"]["text"]
    assert "kind: ClusterConfiguration" in data["kubeadm_config"]["text"]
    assert data["lease"] is None
    running = testing.run("cp1", "cat /proc/[0-9]*/cgroup 2>/dev/null || true").stdout
    assert all(f"pod{pod['uid']}" in running for pod in data["static_pods"])
    assert sorted(pod["name"] for pod in data["static_pods"]) == [
        "etcd-cp1",
        "kube-apiserver-cp1",
        "kube-controller-manager-cp1",
        "kube-scheduler-cp1",
    ]
    assert isinstance(hosts["w1"], Path)
    assert "cluster" not in read_facts(hosts["w1"])["sections"]
    keys = testing.run("cp1", "grep -ho '[A-Za-z0-9+/=]\\{40,\\}' /etc/kubernetes/admin.conf").stdout.split()
    assert not any(key in Path(str(hosts["cp1"])).read_text() for key in keys)


@pytest.mark.lab
def test_a_limited_check_knows_the_cluster_and_judges_nobody_else(tmp_path: Path) -> None:
    findings, notes = check(str(LAB), "--limit", "w1", runs=tmp_path)
    assert {host for host, _control in findings} == {"w1"}
    assert facets(findings["w1", "kubelet_anonymous_auth"]) == {
        "declared": ("pass", CONFIG),
        "running": ("pass", "configz of w1"),
        "persisted": ("pass", "the ConfigMap kubelet-config"),
    }
    assert not [one for one in findings.values() if one["status"] == "unknown"]
    assert notes == []
    (run,) = tmp_path.iterdir()
    assert [path.name for path in (run / "facts").rglob("*.json")] == ["w1.json", "cp1.json"]
    again, _notes = check(str(LAB), "--facts", str(run / "facts"), runs=tmp_path)
    assert {key: one["status"] for key, one in again.items()} == {
        key: one["status"] for key, one in findings.items()
    }


@contextmanager
def kubelet_config(**changes: Any) -> Iterator[None]:
    """Change the ConfigMap kubelet-config for a while."""
    where = ("--namespace", "kube-system")
    before = testing.kubectl(*where, "get", "configmap", "kubelet-config", "--output", "json").stdout
    changed = json.loads(before)
    text = yaml.safe_load(changed["data"]["kubelet"]) | changes
    changed["data"]["kubelet"] = yaml.safe_dump(text)
    del changed["metadata"]["resourceVersion"]
    testing.kubectl(*where, "replace", "--filename", "-", stdin=json.dumps(changed))
    try:
        yield
    finally:
        whole = json.loads(before)
        del whole["metadata"]["resourceVersion"]
        testing.kubectl(*where, "replace", "--filename", "-", stdin=json.dumps(whole))


@pytest.fixture
def patch() -> Iterator[str]:
    """A patch on w1 that its next kubeadm may or may not be given."""
    testing.run("w1", f"mkdir -p {Path(PATCH).parent} && echo 'eventRecordQPS: 7' >{PATCH}")
    yield PATCH
    testing.run("w1", f"rm -r {Path(PATCH).parent}")


@pytest.mark.lab
def test_what_the_next_upgrade_would_take_away_is_told(tmp_path: Path) -> None:
    bad = {"authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": True}}}
    with kubelet_config(**bad):
        findings, _notes = check(str(LAB), runs=tmp_path)
    finding = findings["w1", "kubelet_anonymous_auth"]
    assert finding["status"] == "fail"
    assert finding["reason"].startswith("holds now, lost at the next kubeadm upgrade: ")
    assert facets(finding)["persisted"] == ("fail", "the ConfigMap kubelet-config")
    assert finding["remedy"]


@pytest.mark.lab
def test_a_patch_that_nobody_named_leaves_it_open(patch: str, tmp_path: Path) -> None:
    findings, _notes = check(str(LAB), runs=tmp_path)
    finding = findings["w1", "kubelet_anonymous_auth"]
    assert finding["status"] == "unknown"
    assert patch in finding["reason"]
    assert "kubeadm_patches_dir" in finding["reason"]
    assert findings["cp1", "kubelet_anonymous_auth"]["status"] == "pass"


@pytest.mark.lab
@pytest.mark.usefixtures("patch")
def test_kubeadm_writes_what_was_foretold(tmp_path: Path) -> None:
    """Every key, with a patch and with keys that only kubeadm or the ConfigMap sets."""
    inventory = tmp_path / "hosts.yml"
    hosts = yaml.safe_load((LAB / "hosts.yml").read_text())
    hosts["all"]["hosts"]["w1"]["kubeadm_patches_dir"] = str(Path(PATCH).parent)
    inventory.write_text(yaml.safe_dump(hosts))
    (tmp_path / "group_vars").symlink_to(LAB / "group_vars")
    testing.run("w1", f"cp -p {CONFIG} /root/config.yaml")
    try:
        with kubelet_config(rotateCertificates=False, readOnlyPort=10255, podPidsLimit=99):
            ask(inventory, tmp_path / "facts")
            testing.run(
                "w1",
                f"kubeadm upgrade node phase kubelet-config --patches {Path(PATCH).parent} >/root/log 2>&1",
            )
            written = yaml.safe_load(testing.run("w1", ["cat", CONFIG]).stdout)
    finally:
        testing.run("w1", f"mv /root/config.yaml {CONFIG}; rm -rf /root/log /etc/kubernetes/tmp")
    order = Order("check", tmp_path, Connection(), facts=tmp_path / "facts")
    facts = gather.facts(order, Selection("p", ()), tmp_path, Progress(quiet=True), "collect")["w1"]
    assert isinstance(facts, NodeFacts)
    foretold = after_upgrade(facts, declared(facts.section("kubelet")), "")
    expected = {key: value for key, value in flatten(written).items() if value not in ("0s", {})}
    found = {key: one.value for key, one in foretold.items()}
    assert {key: found.get(key) for key in expected} == expected
    assert (expected["rotateCertificates"], expected["readOnlyPort"]) == (True, 10255)
    assert (expected["podPidsLimit"], expected["eventRecordQPS"]) == (99, 7)


@pytest.mark.ha
def test_an_api_server_that_hangs_is_told_and_another_counts(tmp_path: Path) -> None:
    process = testing.run("cp1", ["pidof", "kube-apiserver"]).stdout.strip()
    testing.run("cp1", ["kill", "-STOP", process])
    try:
        findings, notes = check(str(HA), runs=tmp_path)
    finally:
        testing.run("cp1", ["kill", "-CONT", process])
        testing.wait_ready()
    (note,) = notes
    assert note.startswith("cp1 tells nothing of the cluster: ")
    assert "timed out" in note
    assert not [one for one in findings.values() if one["status"] == "unknown"]
    for host in ("cp2", "w1"):
        found = facets(findings[host, "kubelet_anonymous_auth"])
        assert found["running"] == ("pass", f"configz of {host}")
        assert found["persisted"] == ("pass", "the ConfigMap kubelet-config")
    # The kubelet of cp1 asks its own API server who may ask it, and answers only whom it remembers.
    status, source = facets(findings["cp1", "kubelet_anonymous_auth"])["running"]
    assert (status, source in (CONFIG, "configz of cp1")) == ("pass", True)


@pytest.mark.ha
def test_every_control_plane_tells_of_every_kubelet(tmp_path: Path) -> None:
    collected = ask(HA, tmp_path / "facts", "w1")
    assert set(collected.hosts) == {"w1"}
    assert list(collected.beside) == ["cp1", "cp2", "cp3"]
    for path in collected.beside.values():
        data = cluster_section(path)
        assert {name for name, answer in data["configz"].items() if "config" in answer} == {
            "cp1",
            "cp2",
            "cp3",
            "w1",
        }
