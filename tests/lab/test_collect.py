# SPDX-License-Identifier: Apache-2.0
"""Collections over SSH from the lab's real nodes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import testing
from lab.keys import ensure_keys

from cksharden.collect import Collected, collect
from cksharden.rundir import read_facts, read_facts_dir
from cksharden.runner import Connection

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories/lab"
HOSTILE = "/root/cksharden-test"
INJECTION = "{{ lookup('pipe', 'touch PWNED') }}"
# Where a program that is copied to a node, or forgets something, would leave it.
WATCHED = "/root /home /tmp /var/tmp /etc /usr /opt /dev/shm"


def ask(inventory: Path, facts: Path, *paths: str) -> Collected:
    request = {"schema": "1.0", "files": [{"path": path, "parents": True} for path in paths]}
    return collect(inventory, request, Connection(), None, facts)


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    directory = tmp_path / "facts"
    directory.mkdir()
    return directory


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one line for each time that ssh was called."""
    log, wrapper = tmp_path / "calls", tmp_path / "ssh"
    wrapper.write_text(f'#!/bin/sh\necho "$@" | tr "\\n" " " >>{log}\necho >>{log}\nexec ssh "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("ANSIBLE_SSH_EXECUTABLE", str(wrapper))
    return log


@pytest.mark.parametrize("files", [1, 200])
def test_one_execution_per_host_that_leaves_nothing(facts: Path, calls: Path, files: int) -> None:
    names = [node.name for node in testing.nodes()]
    for name in names:
        testing.run(name, "touch /run/cksharden-marker; sleep 0.1")
    collected = ask(INVENTORY, facts, *(f"/etc/file{number}" for number in range(files)))
    assert collected.hosts == {name: facts / f"{name}.json" for name in names}
    assert len(calls.read_text().splitlines()) == len(names)
    for name in names:
        left = testing.run(
            name, f"find {WATCHED} -xdev -newer /run/cksharden-marker; rm /run/cksharden-marker"
        )
        assert left.stdout == ""


def test_what_real_nodes_say(facts: Path) -> None:
    ask(INVENTORY, facts, "/var/lib/kubelet/config.yaml", "/etc/kubernetes/manifests/*.yaml")
    by_host = {host: whole["sections"] for host, whole in read_facts_dir(facts).items()}
    assert {host: sections["node"]["data"]["kind"] for host, sections in by_host.items()} == {
        "cp1": "control_plane",
        "w1": "worker",
    }
    for host, sections in by_host.items():
        assert {section["status"] for section in sections.values()} == {"ok"}, host
        kubelet = sections["kubelet"]["data"]
        assert kubelet["version"] == f"v{testing.lab().kubernetes}"
        assert kubelet["unit"]["active_state"] == "active"
        assert "--config=/var/lib/kubelet/config.yaml" in kubelet["process"]["argv"]
        assert 0 < sections["node"]["data"]["time"] - kubelet["process"]["started"] < 7 * 86400
        assert [entry["path"] for entry in kubelet["files"].values() if entry["error"]] == []
        assert "kind: KubeletConfiguration" in kubelet["files"]["/var/lib/kubelet/config.yaml"]["text"]
        (config,) = sections["files"]["data"]["patterns"]["/var/lib/kubelet/config.yaml"]["matches"]
        assert [parent["path"] for parent in config["parents"]] == [
            "/",
            "/var",
            "/var/lib",
            "/var/lib/kubelet",
        ]
    manifests = by_host["cp1"]["files"]["data"]["patterns"]["/etc/kubernetes/manifests/*.yaml"]["matches"]
    assert [Path(entry["path"]).stem for entry in manifests] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]


@pytest.fixture
def hostile_node() -> Iterator[str]:
    """A worker with a directory of things that nobody should read carelessly."""
    script = f"""
        mkdir -p {HOSTILE} && cd {HOSTILE}
        printf %s {shlex.quote(INJECTION)} > {shlex.quote(INJECTION)}
        mkfifo fifo; ln -s circle circle; ln -s /dev/watchdog device; truncate -s 1G sparse
        printf x > "$(printf 'caf\\351')"; printf x > "$(printf 'new\\nline')"; mkdir -m 0 closed
    """
    testing.run("w1", script)
    yield "w1"
    testing.run("w1", f"rm -rf {HOSTILE}")


def test_hostile_files(
    hostile_node: str, facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ask(INVENTORY, facts, f"{HOSTILE}/*", f"{HOSTILE}/*/*")
    patterns = read_facts(facts / f"{hostile_node}.json")["sections"]["files"]["data"]["patterns"]
    entries = {
        entry["path"].removeprefix(f"{HOSTILE}/"): entry for entry in patterns[f"{HOSTILE}/*"]["matches"]
    }
    assert set(entries) == {
        INJECTION,
        "fifo",
        "circle",
        "device",
        "sparse",
        "caf\\xe9",
        "new\nline",
        "closed",
    }
    assert entries["sparse"]["size"] == 1 << 30
    assert entries["circle"]["error"] == "its links go in a circle"
    assert patterns[f"{HOSTILE}/*/*"] == {"matches": [], "error": None}
    assert not list(tmp_path.rglob("PWNED"))
    assert "PWNED" not in testing.run(hostile_node, f"ls / /root {HOSTILE}").stdout.replace(INJECTION, "")


def test_nodes_that_can_not_be_asked(facts: Path, tmp_path: Path) -> None:
    keys = ensure_keys()
    good: dict[str, Any] = {
        "ansible_host": "10.213.0.21",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(keys.client),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={keys.known_hosts} -o StrictHostKeyChecking=yes "
        "-o IdentitiesOnly=yes -o ControlMaster=no -o ControlPath=none",
    }
    (tmp_path / "no_hosts_known").touch()
    unknown_key = good["ansible_ssh_common_args"].replace(str(keys.known_hosts), f"{tmp_path}/no_hosts_known")
    hosts = {
        "good": good,
        "closed_port": good | {"ansible_port": 1},
        "no_such_name": good | {"ansible_host": "no-such-node.invalid"},
        "wrong_key": good | {"ansible_ssh_private_key_file": "/dev/null"},
        "unknown_host_key": good | {"ansible_ssh_common_args": unknown_key},
        "no_python": good | {"ansible_python_interpreter": "/nowhere/python3"},
        "not_root": good | {"ansible_user": "nobody"},
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    found = ask(inventory, facts).hosts
    assert found.pop("good") == facts / "good.json"
    reasons = {host: str(reason) for host, reason in found.items()}
    assert "Connection refused" in reasons["closed_port"]
    assert "Could not resolve hostname" in reasons["no_such_name"]
    assert "Permission denied" in reasons["wrong_key"]
    assert "Host key verification failed" in reasons["unknown_host_key"]
    assert "Permission denied" in reasons["not_root"]
    assert all(reasons[host].startswith("unreachable: ") for host in reasons if host != "no_python")
    assert reasons["no_python"].startswith("/nowhere/python3 is not there")
    assert [path.name for path in facts.iterdir()] == ["good.json"]
