# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cksharden.ansible_env import collection_root, environment


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def of(tmp_path: Path, **outer: str) -> dict[str, str]:
    return environment({"PATH": "/usr/bin", "HOME": str(tmp_path / "home")} | outer, tmp_path / "private")


def test_an_inventory_finds_what_it_would_find_under_ansible_playbook(tmp_path: Path) -> None:
    kept = {
        "SSH_AUTH_SOCK": "/run/agent",
        "AWS_PROFILE": "prod",
        "VAULT_ADDR": "https://vault:8200",
        "HTTPS_PROXY": "http://proxy:3128",
        "PYTHONPATH": "/opt/inventory",
        "ANSIBLE_CONFIG": "/etc/mine.cfg",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
    }
    inner = of(tmp_path, **kept)
    assert {name: inner[name] for name in kept} == kept
    assert inner["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"
    assert inner["ANSIBLE_LOCAL_TEMP"] == str(tmp_path / "private/tmp")


def test_what_would_change_the_events_is_not_handed_on(tmp_path: Path) -> None:
    ours = {"ANSIBLE_NO_LOG": "True", "ANSIBLE_SKIP_TAGS": "always", "ANSIBLE_STRATEGY": "free"}
    inner = of(tmp_path, ANSIBLE_STDOUT_CALLBACK="json", JOB_ID="17.cluster", **ours)
    assert not {"ANSIBLE_STDOUT_CALLBACK", "JOB_ID"} & set(inner)
    assert not [name for name, value in ours.items() if inner[name] == value]


def test_our_collection_is_found_before_an_older_copy(tmp_path: Path) -> None:
    root = str(collection_root())
    assert (collection_root() / "ansible_collections/cksharden/node/plugins").is_dir()
    assert of(tmp_path)["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0] == root
    assert of(tmp_path, ANSIBLE_COLLECTIONS_PATH="/a:/b")["ANSIBLE_COLLECTIONS_PATH"] == f"{root}:/a:/b"
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncollections_path = mine:/theirs\n")
    assert of(tmp_path)["ANSIBLE_COLLECTIONS_PATH"] == f"{root}:{tmp_path}/mine:/theirs"


def test_the_users_ssh_arguments_win(tmp_path: Path) -> None:
    assert "ControlPersist=60s" in of(tmp_path)["ANSIBLE_SSH_ARGS"]
    assert of(tmp_path, ANSIBLE_SSH_ARGS="-4")["ANSIBLE_SSH_ARGS"] == "-4"
    named = tmp_path / "named.cfg"
    named.write_text("[ssh_connection]\nssh_args = -6\n")
    assert "ANSIBLE_SSH_ARGS" not in of(tmp_path, ANSIBLE_CONFIG=str(named))


def test_sockets_of_ssh_have_short_paths(tmp_path: Path) -> None:
    assert "ANSIBLE_SSH_CONTROL_PATH_DIR" not in of(tmp_path, HOME="/home/somebody")
    deep = "/home/" + "d" * 70
    assert of(tmp_path, HOME=deep)["ANSIBLE_SSH_CONTROL_PATH_DIR"] == str(tmp_path / "private/cp")
    assert of(tmp_path, HOME=deep, ANSIBLE_SSH_CONTROL_PATH_DIR="/c")["ANSIBLE_SSH_CONTROL_PATH_DIR"] == "/c"


@pytest.mark.parametrize("text", ["no section\n", "[defaults\n", "\x00\xff", "[a]\nx\n"])
def test_an_ansible_cfg_that_is_none_is_left_to_ansible(tmp_path: Path, text: str) -> None:
    (tmp_path / "ansible.cfg").write_text(text)
    assert "ANSIBLE_SSH_ARGS" in of(tmp_path)
