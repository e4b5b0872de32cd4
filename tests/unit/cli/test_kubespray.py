# SPDX-License-Identifier: Apache-2.0
"""Kubespray's sample inventory, as it is and as its own comments say to fill it in, group_vars and all."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from cksharden.cli.main import run

SAMPLE = Path(__file__).parents[2] / "fixtures/kubespray/sample"
NODES = [f"node{number}" for number in range(1, 7)]
OLDER = """
[all]
node1 ansible_host=95.54.0.12 ip=10.3.0.1 etcd_member_name=etcd1
node4 ansible_host=95.54.0.15 ip=10.3.0.4

[bastion]
bastion ansible_host=95.54.0.1 ansible_user=some_user

[kube_control_plane]
node1
[etcd]
node1
[kube_node]
node4
[calico_rr]

[k8s_cluster:children]
kube_control_plane
kube_node
calico_rr
"""


@pytest.fixture(autouse=True)
def nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    """The sample's addresses are somebody's: ssh is told that they are a closed port of this machine."""
    config = tmp_path / "ssh_config"
    config.write_text("Host 95.54.0.*\n  HostName 127.0.0.1\n  Port 9\n")
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", f"-F {config}")


def filled_in(place: Path) -> Path:
    """Return a copy in which the hosts are no comments any more."""
    copied = shutil.copytree(SAMPLE, place / "mycluster")
    file = copied / "inventory.ini"
    file.write_text(re.sub(r"^# (node\d)", r"\1", file.read_text(), flags=re.MULTILINE))
    return copied


def test_the_sample_itself_lists_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(SAMPLE), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "inventory.ini: nothing is in its groups kube_control_plane and kube_node" in said
    assert "list the control planes in the group kube_control_plane" in said


def test_its_groups_and_variables_are_understood(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(filled_in(tmp_path)), "--quiet", "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["hosts"] == NODES
    assert {one["status"] for one in document["findings"]} == {"unknown"}
    assert all("unreachable" in one["reason"] for one in document["findings"])
    (kept,) = runs.iterdir()
    groups = json.loads((kept / "inventory.json").read_text())["groups"]
    assert groups["kube_control_plane"] == groups["etcd"] == NODES[:3]
    assert groups["kube_node"] == NODES[3:]


def test_an_unreachable_cluster_is_told_in_few_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(filled_in(tmp_path)), "--quiet"]) == 3
    shown = capsys.readouterr().out
    assert shown.count("unreachable: ") == 1
    assert "node1, node2, node3, node4, node5, node6: unreachable" in shown


def test_a_bastion_and_empty_groups_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(OLDER)
    assert run(["check", str(inventory), "--quiet", "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["hosts"] == ["node1", "node4"]
    assert document["notes"][0] == "not asked: bastion: in neither kube_control_plane nor kube_node"
