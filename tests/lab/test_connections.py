# SPDX-License-Identifier: Apache-2.0
"""Nodes are reached as ssh and Ansible reach them: by ssh_config, with vaults, with passwords that are asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing
from lab.keys import ensure_keys

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import load
from tests.lab.command import ROOT, Ended, cksharden, on_a_terminal

pytestmark = pytest.mark.lab

SAMPLE = ROOT / "tests/fixtures/kubespray/sample"
ALIASES = "[kube_control_plane]\ncp1\n[kube_node]\nw1\n"
ONE = ("--control", "kubelet_anonymous_auth")
PASSWORD = "a sudo password"


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of ssh that knows the nodes by name, which Ansible is told to use."""
    config = ensure_keys().config
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", f"-F {config}")
    return config


@pytest.fixture
def ops() -> Iterator[str]:
    """A user of w1 who has to give a password to sudo."""
    key = ensure_keys().client.with_suffix(".pub").read_text(encoding="utf-8")
    testing.run(
        "w1", "useradd --create-home --groups sudo --shell /bin/bash ops && install -d -o ops ~ops/.ssh"
    )
    testing.run("w1", "cat >~ops/.ssh/authorized_keys", stdin=key)
    testing.run("w1", "chpasswd", stdin=f"ops:{PASSWORD}\n")
    yield "ops"
    testing.run("w1", "pkill -u ops; sleep 1; userdel --remove ops", check=False)


def statuses(ended: Ended) -> dict[str, str]:
    """Return host -> status of the one control."""
    return {one["host"]: one["status"] for one in json.loads(ended.out)["findings"]}


def test_a_host_that_only_ssh_config_knows(ssh: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(ALIASES)
    ended = cksharden("check", str(tmp_path / "hosts.ini"), *ONE, "--format", "json", runs=tmp_path)
    assert statuses(ended) == {"cp1": "pass", "w1": "pass"}, ended.err


def test_ansible_cfg_may_say_where_ssh_config_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.ini").write_text(ALIASES)
    (tmp_path / "ansible.cfg").write_text(f"[ssh_connection]\nssh_args = -F {ensure_keys().config}\n")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    ended = cksharden("check", str(tmp_path / "hosts.ini"), *ONE, "--format", "json", runs=tmp_path)
    assert statuses(ended) == {"cp1": "pass", "w1": "pass"}, ended.err


def test_kubesprays_sample(ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its addresses stay as they are; ssh_config says where they lead."""
    inventory = shutil.copytree(SAMPLE, tmp_path / "mycluster")
    file = inventory / "inventory.ini"
    file.write_text(re.sub(r"^# (node[14] )", r"\1", file.read_text(), flags=re.MULTILINE))
    places = {"95.54.0.12": "cp1", "95.54.0.15": "w1"}
    named = "".join(
        f"Host {address}\n  HostName {testing.node(name).address}\n  HostKeyAlias {name}\n"
        for address, name in places.items()
    )
    (tmp_path / "config").write_text(f"{named}Host *\n  Include {ssh}\n")
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", f"-F {tmp_path / 'config'}")
    ended = cksharden("check", str(inventory), *ONE, "--format", "json", runs=tmp_path)
    assert statuses(ended) == {"node1": "pass", "node4": "pass"}, ended.err


@pytest.mark.parametrize("asked", [False, True], ids=["file", "asked"])
def test_what_is_in_a_vault(asked: bool, tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(ALIASES)
    (tmp_path / "password").write_text("vault password\n")
    secret = tmp_path / "group_vars/all.yml"
    secret.parent.mkdir()
    secret.write_text(f"ansible_ssh_common_args: -F {ensure_keys().config}\n")
    vault = [str(Path(sys.executable).parent / "ansible-vault"), "encrypt", str(secret)]
    subprocess.run([*vault, "--vault-password-file", tmp_path / "password"], check=True, capture_output=True)
    words = ("check", str(tmp_path / "hosts.ini"), *ONE)
    if asked:
        ended = on_a_terminal(
            *words, "-J", runs=tmp_path, question="Vault password: ", answer=lambda: "vault password"
        )
    else:
        ended = cksharden(*words, "--vault-password-file", str(tmp_path / "password"), runs=tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert "vault password" not in ended.out + ended.err


def test_a_sudo_password_is_asked_for(ssh: Path, ops: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(ALIASES)
    # cp1 does not know that account, and a file's owner can be told without it.
    control = ("--control", "kubelet_config_owner")
    words = ("check", str(tmp_path / "hosts.ini"), *control, "--limit", "w1", "-u", ops)
    without = cksharden(*words, runs=tmp_path)
    assert without.code == 3
    assert "password" in without.out
    ended = on_a_terminal(*words, "-K", runs=tmp_path, question="Sudo password: ", answer=lambda: PASSWORD)
    assert ended.code == 0, ended.out
    assert PASSWORD not in ended.out


def test_init_finds_the_nodes_that_were_not_named(ssh: Path, tmp_path: Path) -> None:
    made = cksharden("init", str(tmp_path / "own"), "--host", "cp1", runs=tmp_path)
    assert made.code == 0, made.out + made.err
    assert f"Next: cksharden check {tmp_path / 'own'}" in made.out
    groups = load((tmp_path / "own/hosts.yml").read_text()).data["all"]["children"]
    assert groups["kube_control_plane"]["hosts"] == {"cp1": {}}
    assert groups["kube_node"]["hosts"] == {"w1": {"ansible_host": testing.node("w1").address}}
    ended = cksharden("check", str(tmp_path / "own"), *ONE, "--format", "json", runs=tmp_path)
    assert statuses(ended) == {"cp1": "pass", "w1": "pass"}, ended.err


def test_init_names_what_it_leaves_out(ssh: Path, tmp_path: Path) -> None:
    made = cksharden("init", str(tmp_path / "own"), "--host", "w1", "--host", "127.0.0.1:9", runs=tmp_path)
    assert made.code == 3
    assert "127.0.0.1: unreachable" in made.out
    groups = load((tmp_path / "own/hosts.yml").read_text()).data["all"]["children"]
    assert list(groups["kube_node"]["hosts"]) == ["w1"]
    assert not groups["kube_control_plane"]["hosts"]
