# SPDX-License-Identifier: Apache-2.0
"""A team's profile and waivers on real nodes: what is waived stays, and a group gets its own values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing

from tests.lab.command import ROOT, cksharden, findings

pytestmark = pytest.mark.lab

NODES = ("cp1", "w1")
PIDS, MODE, KUBECONFIG = "kubelet_pod_pids_limit", "kubelet_config_mode", "kubelet_kubeconfig_mode"
CONFIG = "/var/lib/kubelet/config.yaml"
PROFILE = f"""\
id: team
title: Two files and a limit
include: [{PIDS}, {MODE}, {KUBECONFIG}]
groups:
  kube_node:
    exclude: [{KUBECONFIG}]
    parameters:
      {PIDS}: {{at_most: 1024, set: 1024}}
"""
WAIVERS = f"""\
waivers:
  - control: {MODE}
    hosts: kube_control_plane
    owner: platform
    reason: The backup agent reads it.
    expires: 2999-01-31
"""


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Path]:
    """The lab's inventory with the files of a team, on nodes whose kubelet configuration anybody reads."""
    lab = ROOT / "inventories/lab"
    (tmp_path / "team").mkdir()
    for name in ("hosts.yml", "group_vars"):
        (tmp_path / "team" / name).symlink_to(lab / name)
    (tmp_path / "team" / "profile.yml").write_text(PROFILE)
    (tmp_path / "team" / "waivers.yml").write_text(WAIVERS)
    before = {node: mode(node) for node in NODES}
    for node in NODES:
        testing.run(node, ["chmod", "0644", CONFIG])
    yield tmp_path / "team"
    for node in NODES:
        testing.run(node, ["chmod", before[node], CONFIG])


def mode(node: str) -> str:
    return testing.run(node, ["stat", "-c", "%a", CONFIG]).stdout.strip()


def pids_limit(node: str) -> int:
    """Ask the kubelet itself, through its API server."""
    shown = testing.run(
        "cp1",
        [
            "kubectl",
            "--kubeconfig=/etc/kubernetes/admin.conf",
            "get",
            "--raw",
            f"/api/v1/nodes/{node}/proxy/configz",
        ],
    )
    return int(json.loads(shown.stdout)["kubeletconfig"]["podPidsLimit"])


def test_a_waived_control_stays_and_a_group_gets_its_own_value(team: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    applied = cksharden("apply", str(team), "--yes", runs=runs)
    try:
        assert applied.code == 0, applied.out + applied.err
        assert "missed 0, worse 0" in applied.out
        assert f"{MODE} on cp1: until 2999-01-31 by platform: The backup agent reads it." in applied.out
        assert {node: mode(node) for node in NODES} == {"cp1": "644", "w1": "600"}
        assert pids_limit("w1") == 1024
        assert pids_limit("cp1") in range(1025, 16385)
        found = findings(str(team), runs=runs)
        assert found["cp1", MODE]["status"] == "waived"
        assert found["w1", KUBECONFIG]["status"] == "not_applicable"
        # What the run has asked is proved again, whatever the files say by now.
        (team / "waivers.yml").unlink()
        (team / "profile.yml").write_text("id: other\ntitle: Another\nextends: cks\n")
        proved = cksharden("verify", str(team), "--run", applied.run, runs=runs)
        assert proved.code == 0, proved.out + proved.err
        assert "missed 0, worse 0" in proved.out
    finally:
        back = cksharden("rollback", str(team), "--run", applied.run, "--yes", runs=runs)
    assert back.code == 0, back.out + back.err
