# SPDX-License-Identifier: Apache-2.0
"""The whole path on a real cluster, as a user walks it: check, plan, apply, verify, rollback.

The tests are one story in the order of this file, on a cluster that nothing else has touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab import testing

from tests.lab.command import (
    ROOT,
    Ended,
    accepts_tls_1_2,
    cksharden,
    findings,
    kubelet_starts,
    on_a_terminal,
    snapshot,
)

pytestmark = pytest.mark.lab

LAB = "inventories/lab"
NODES = ("cp1", "w1")
FIRST_LAB = 3600
"""Seconds within which a machine that has built nothing yet must have its first cluster."""
DROP_IN = "/etc/kubernetes/kubelet.conf.d/99-cksharden.conf"
OVERRIDE = "--tls-min-version=VersionTLS12"
# A name can't hold a slash, but HOME does.
TRAP = "{{ lookup('pipe', 'touch $HOME-pwned') }}.key"
SPRUNG = Path(f"{os.environ['HOME']}-pwned")


@dataclass
class Story:
    """What one chapter leaves for the next."""

    runs: Path
    before: dict[str, dict[str, str]] = field(default_factory=dict)
    applied: str = ""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A fresh cluster, whose worker overrides a setting by a flag, and with a name that is a trap."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "molecule/shared")}
    command = [sys.executable, "-m", "lab", "up", "--fresh", "--replace", "--topology", "single"]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=FIRST_LAB)
    SPRUNG.unlink(missing_ok=True)
    testing.run("cp1", ["install", "-m", "0644", "/dev/null", f"/etc/kubernetes/pki/{TRAP}"])
    override(OVERRIDE)
    story = Story(tmp_path_factory.mktemp("runs"))
    story.before = {node: snapshot(node) for node in NODES}
    yield story
    # The cluster goes on to the other files, as kubeadm made it.
    override("")
    testing.run("cp1", ["rm", f"/etc/kubernetes/pki/{TRAP}"])
    assert not SPRUNG.exists()


def override(flags: str) -> None:
    """Give the worker's kubelet flags of its own, or none."""
    testing.run("w1", f"echo 'KUBELET_EXTRA_ARGS={flags}' >/etc/default/kubelet && systemctl restart kubelet")
    testing.wait_ready("w1")


def test_check_finds_what_a_kubeadm_default_lacks(story: Story) -> None:
    found = cksharden("check", LAB, runs=story.runs)
    assert found.code == 1, found.err
    assert "collect: cp1: collected" in found.err
    assert "kubelet_tls_min_version" in found.out
    by_control = findings(LAB, runs=story.runs)
    overridden = by_control["w1", "kubelet_tls_min_version"]
    assert (overridden["status"], overridden["observed"]) == ("fail", "VersionTLS12")
    assert overridden["source"].startswith("/etc/default/kubelet")
    assert by_control["w1", "kubelet_anonymous_auth"]["status"] == "pass"
    assert TRAP in by_control["cp1", "kubernetes_pki_key_mode"]["reason"]
    assert not [one for one in by_control.values() if one["status"] == "unknown"]


def test_plan_shows_every_file_and_touches_none(story: Story) -> None:
    starts = {node: kubelet_starts(node) for node in NODES}
    planned = cksharden("plan", LAB, runs=story.runs)
    assert planned.code == 1, planned.err
    assert planned.out.index("1. cp1: control plane, restarts kubelet") < planned.out.index("2. w1: worker")
    assert '+  "tlsMinVersion": "VersionTLS13"' in planned.out
    assert f"-KUBELET_EXTRA_ARGS={OVERRIDE}" in planned.out
    assert "/var/lib/kubelet/config.yaml  mode 0644 → 0600" in planned.out
    assert {node: snapshot(node) for node in NODES} == story.before
    assert {node: kubelet_starts(node) for node in NODES} == starts


def test_apply_asks_nobody_where_there_is_nobody(story: Story) -> None:
    refused = cksharden("apply", LAB, runs=story.runs)
    assert (refused.code, refused.out) == (2, "")
    assert "--yes" in refused.err


def test_no_is_an_answer(story: Story) -> None:
    ended = on_a_terminal(
        "apply", LAB, runs=story.runs, question="Change 2 hosts (cp1, w1)", answer=lambda: "n"
    )
    assert ended.code == 1
    assert "nothing was changed" in ended.out
    assert {node: snapshot(node) for node in NODES} == story.before


def test_a_node_refuses_a_plan_whose_ground_has_moved(story: Story) -> None:
    starts = kubelet_starts("w1")

    def move() -> str:
        testing.run("w1", "cp -p /etc/default/kubelet /root/kept && echo '# by hand' >>/etc/default/kubelet")
        return "y"

    words = ("apply", LAB, "--limit", "w1", "--control", "kubelet_tls_min_version")
    ended = on_a_terminal(*words, runs=story.runs, question="Change 1 hosts (w1)", answer=move)
    testing.run("w1", "mv /root/kept /etc/default/kubelet")
    assert ended.code == 3, ended.out
    assert "refused, nothing changed" in ended.out
    assert "/etc/default/kubelet" in ended.out.partition("Not completed")[2]
    assert kubelet_starts("w1") == starts
    assert snapshot("w1") == story.before["w1"]


def test_apply_changes_what_was_planned_and_proves_it(story: Story) -> None:
    starts = {node: kubelet_starts(node) for node in NODES}
    assert all(accepts_tls_1_2(node) for node in NODES)
    applied = cksharden("apply", LAB, "--yes", runs=story.runs)
    assert applied.code == 1, applied.out + applied.err
    assert "missed 0, worse 0" in applied.out
    story.applied = applied.run
    for node in NODES:
        count, process = kubelet_starts(node)
        assert count == starts[node][0] + 1
        assert process != starts[node][1]
        assert json.loads(testing.run(node, ["cat", DROP_IN]).stdout)["tlsMinVersion"] == "VersionTLS13"
        assert not accepts_tls_1_2(node)
        testing.wait_ready(node)
    assert (
        OVERRIDE
        not in testing.run(
            "w1", "cat /etc/default/kubelet; tr '\\0' ' ' </proc/$(pidof kubelet)/cmdline"
        ).stdout
    )
    assert testing.run("cp1", ["stat", "-c", "%a", f"/etc/kubernetes/pki/{TRAP}"]).stdout == "600\n"


def test_what_is_left_is_report_only(story: Story) -> None:
    failing = {
        one["control"]: one["change"]
        for one in findings(LAB, runs=story.runs).values()
        if one["status"] == "fail"
    }
    assert failing == dict.fromkeys(
        ("kubelet_protect_kernel_defaults", "kubelet_server_tls_bootstrap"), "report_only"
    )


def test_a_second_apply_costs_one_collect_and_changes_nothing(story: Story, tmp_path: Path) -> None:
    before = {node: snapshot(node) for node in NODES}
    starts = {node: kubelet_starts(node) for node in NODES}
    calls, wrapper = tmp_path / "calls", tmp_path / "ssh"
    wrapper.write_text(f'#!/bin/sh\necho called >>{calls}\nexec ssh "$@"\n')
    wrapper.chmod(0o755)
    again = cksharden("apply", LAB, "--yes", runs=story.runs, env={"ANSIBLE_SSH_EXECUTABLE": str(wrapper)})
    assert again.code == 1, again.err
    assert "nothing to change" in again.err
    assert len(calls.read_text().splitlines()) == len(NODES)
    assert {node: snapshot(node) for node in NODES} == before
    assert {node: kubelet_starts(node) for node in NODES} == starts


def test_verify_holds_the_newest_change_against_what_is_there(story: Story) -> None:
    testing.run("w1", ["chmod", "0644", "/var/lib/kubelet/config.yaml"])
    worse = cksharden("verify", LAB, runs=story.runs)
    testing.run("w1", ["chmod", "0600", "/var/lib/kubelet/config.yaml"])
    assert "missed  w1  kubelet_config_mode: was fail, is fail" in worse.out
    proved = cksharden("verify", LAB, "--run", story.applied, runs=story.runs)
    assert (worse.code, proved.code) == (1, 1)
    assert "missed 0, worse 0" in proved.out


def test_report_shows_the_run_again(story: Story) -> None:
    shown = cksharden("report", story.applied, runs=story.runs)
    assert shown.code == 1
    assert "w1: kubelet: changed" in shown.out
    assert cksharden("report", "apply", runs=story.runs).out == shown.out
    document = json.loads(cksharden("report", story.applied, "--format", "json", runs=story.runs).out)
    assert document["verification"]["missed"] == []
    assert {one["host"] for one in document["outcomes"]} == set(NODES)


def test_rollback_names_what_changed_since_and_leaves_it(story: Story) -> None:
    assert cksharden("rollback", LAB, "--run", story.applied, runs=story.runs).code == 2
    testing.run("w1", f"cp -p {DROP_IN} /root/kept && echo >>{DROP_IN}")
    refused = cksharden("rollback", LAB, "--run", story.applied, "--limit", "w1", "--yes", runs=story.runs)
    assert refused.code == 3, refused.out
    assert DROP_IN in refused.out
    assert testing.run("w1", ["tail", "-c", "2", DROP_IN]).stdout == "\n\n"


def test_rollback_puts_every_file_back_as_it_was(story: Story) -> None:
    forced = cksharden("rollback", LAB, "--run", story.applied, "--force", "--yes", runs=story.runs)
    assert forced.code == 0, forced.out + forced.err
    assert {node: snapshot(node) for node in NODES} == story.before
    assert all(accepts_tls_1_2(node) for node in NODES)


def test_rollback_of_a_run_that_a_node_does_not_know_says_so(story: Story) -> None:
    unknown = cksharden("rollback", LAB, "--run", "20200101T000000Z-000000", "--yes", runs=story.runs)
    assert unknown.code == 3
    assert "none of cp1, w1 keeps anything of run 20200101T000000Z-000000" in unknown.err


def test_a_host_that_cannot_be_judged_is_unknown_with_its_reason(story: Story, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / "stranger"], check=True)
    (tmp_path / "group_vars").symlink_to(ROOT / LAB / "group_vars")
    # A connection that is open already would ask for no key: the stranger shares none.
    address = testing.node("w1").address
    hosts = {
        "good": {"ansible_host": address},
        "gone": {"ansible_host": "10.213.0.250", "ansible_ssh_extra_args": "-o ConnectTimeout=5"},
        "stranger": {
            "ansible_host": address,
            "ansible_ssh_private_key_file": str(tmp_path / "stranger"),
            "ansible_ssh_extra_args": "-o ControlPath=none",
        },
        "pythonless": {"ansible_host": address, "ansible_python_interpreter": "/usr/bin/python2"},
        "other": {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        },
    }
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    ended = cksharden("check", str(tmp_path), runs=story.runs)
    assert ended.code == 3, ended.err
    assert "kubelet_tls_min_version" in ended.out
    for host, reason in {
        "gone": "unreachable",
        "stranger": "Permission denied",
        "pythonless": "/usr/bin/python2",
        "other": "no Kubernetes node",
    }.items():
        (line,) = told(ended, host)
        assert reason in line


def told(ended: Ended, host: str) -> list[str]:
    """Return the lines of the report that are about a host, its counts aside."""
    return [line for line in ended.out.splitlines() if line.startswith(f"{host}: ")]
