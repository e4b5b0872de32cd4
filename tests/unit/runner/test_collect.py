# SPDX-License-Identifier: Apache-2.0
"""Collections from inventory to facts file, with real Ansible; only ssh is a program of the test."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import facts_path
from cksharden.errors import InventoryError
from cksharden.rundir import read_facts, read_facts_dir, read_inventory
from tests.unit.runner.conftest import SSH, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a node is asked as root")

INJECTION = "{{ lookup('pipe', 'touch PWNED') }}"


def sections_of(site: Site, host: str = "w1") -> dict[str, Any]:
    sections: dict[str, Any] = read_facts(site.facts / f"{host}.json")["sections"]
    return sections


@pytest.mark.parametrize("files", [1, 200])
def test_one_execution_per_host_whatever_is_asked(site: Site, files: int) -> None:
    site.hosts({"w1": {}, "w2": {}})
    told: list[tuple[str, str]] = []
    collected = site.collect(
        *(f"/etc/file{n}" for n in range(files)), on_event=lambda *event: told.append(event)
    )
    assert collected.hosts == {"w1": site.facts / "w1.json", "w2": site.facts / "w2.json"}
    assert len(site.executions()) == 2
    assert sorted(told[:2]) == [(host, "Read everything in one remote execution") for host in ("w1", "w2")]
    assert sorted(told[2:]) == [("w1", "collected"), ("w2", "collected")]
    assert len(sections_of(site)["files"]["data"]["patterns"]) == files


def test_facts_are_for_their_owner_and_whole(site: Site) -> None:
    site.collect("/etc/passwd")
    assert stat.S_IMODE((site.facts / "w1.json").stat().st_mode) == 0o600
    assert [path.name for path in site.facts.iterdir()] == ["w1.json"]
    facts = read_facts_dir(site.facts)["w1"]
    assert (facts["format"], facts["schema"], facts["host"]) == ("cksharden-facts", "1.1", "w1")
    assert {section["schema"] for section in facts["sections"].values()} == {"1.0"}


# Ansible would run a template that it finds in a name, in a content or in a path. It must find none.
def test_nothing_from_a_node_is_templated(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where `touch` would leave its mark
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / INJECTION).write_text(INJECTION)
    facts = tmp_path / f"facts {INJECTION}"
    facts.mkdir()
    collected = site.collect(f"{hostile}/*", f"/nowhere/{INJECTION}", facts=facts)
    assert collected.hosts == {"w1": facts / "w1.json"}
    patterns = read_facts(facts / "w1.json")["sections"]["files"]["data"]["patterns"]
    assert [entry["path"] for entry in patterns[f"{hostile}/*"]["matches"]] == [f"{hostile}/{INJECTION}"]
    assert f"/nowhere/{INJECTION}" in patterns
    assert not list(tmp_path.rglob("PWNED"))


def test_host_names_are_no_paths(site: Site) -> None:
    site.hosts({"..": {}, "a b%2f": {}})
    assert set(site.collect().hosts) == {"..", "a b%2f"}
    assert sorted(path.name for path in site.facts.iterdir()) == ["...json", "a%20b%252f.json"]


def test_the_groups_of_kubespray_narrow_the_hosts(site: Site) -> None:
    site.inventory.write_text(
        "[kube_control_plane]\ncp1\n[kube_node]\nw1\n[other]\nbastion\n"
        f"[all:vars]\nansible_ssh_executable={site.root}/ssh\n"
    )
    assert set(site.collect().hosts) == {"cp1", "w1"}
    with pytest.raises(
        InventoryError, match="not asked: bastion: in neither kube_control_plane nor kube_node"
    ):
        site.collect(limit="bastion")
    with pytest.raises(InventoryError, match="no host matches --limit w9"):
        site.collect(limit="w9")


def test_control_planes_outside_a_limit_are_asked_beside(site: Site) -> None:
    site.inventory.write_text(
        "[kube_control_plane]\ncp1\ncp2\ncp3\n[kube_node]\nw1\nw2\n[rack1]\nw1\ncp1\n[other]\nbastion\n"
        f"[all:vars]\nansible_ssh_executable={site.root}/ssh\n"
        f"[rack3]\ncp3\n[rack3:vars]\nansible_ssh_executable={site.program('broken', 'exit 255')}\n"
    )
    told: list[tuple[str, str]] = []
    collected = site.collect(limit="rack1:!w2", on_event=lambda *event: told.append(event))
    assert collected.hosts == {host: site.facts / f"{host}.json" for host in ("cp1", "w1")}
    assert collected.beside["cp2"] == site.facts / "beside/cp2.json"
    assert str(collected.beside["cp3"]).startswith("unreachable: ")
    assert list(collected.beside) == ["cp2", "cp3"]
    assert len(site.executions()) == 3
    assert {host for host, _what in told} == {"cp1", "cp2", "cp3", "w1"}
    assert set(read_facts_dir(site.facts)) == {"cp1", "w1"}
    assert collected.inventory["rack1"] == ["cp1", "w1"]
    assert collected.inventory["other"] == ["bastion"]
    assert read_facts(site.facts / "w1.json")["groups"] == ["kube_node", "rack1"]
    assert collected.inventory == read_inventory(site.root / "inventory.json")
    assert site.collect().beside == {}


def test_the_directory_of_kubeadms_patches_is_a_line_of_the_inventory(site: Site) -> None:
    patches = site.root / "patches"
    patches.mkdir()
    (patches / "kubeletconfiguration0+merge.yaml").write_text("readOnlyPort: 1\n")
    named = {"kubeadm_patches_dir": "{{ base }}/patches", "base": str(site.root)}
    bad = {"w3": {"kubeadm_patches_dir": "relative"}, "w4": {"kubeadm_patches_dir": "{{ nobody_says }}"}}
    site.hosts({"w1": named, "w2": {"kubeadm_patches_dir": ""}, **bad})
    hosts = site.collect().hosts
    assert hosts.pop("w3") == "patches_dir: 'relative' is no absolute path"
    assert set(hosts) == {"w1", "w2", "w4"}


SAID_BY_SSH = {
    "ssh: connect to host w1 port 22: Connection refused": "ssh: connect to host w1 port 22: Connection refused",
    "root@w1: Permission denied (publickey).": "root@w1: Permission denied (publickey).",
    "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.": (
        "Host key verification failed."
    ),
    "Warning: Permanently added 'w1' (ED25519).\nroot@w1: Permission denied": "root@w1: Permission denied",
    "\x1b[31mred\x07": "\\x1b[31mred\\x07",
}


def test_hosts_that_are_not_reached(site: Site) -> None:
    hosts = {f"w{number}": said for number, said in enumerate(SAID_BY_SSH)}
    site.hosts(
        {
            host: {
                "ansible_ssh_executable": site.program(
                    f"ssh_{host}", f"cat >&2 <<'END'\n{said}\nEND\nexit 255"
                )
            }
            for host, said in hosts.items()
        }
    )
    assert site.collect().hosts == {host: f"unreachable: {SAID_BY_SSH[said]}" for host, said in hosts.items()}
    assert list(site.facts.iterdir()) == []


NOT_THERE = "; install Python 3.9 or newer there, or name it with ansible_python_interpreter"
ANSWERS = {
    "cat >/dev/null; echo hello": "no answer in 6 characters of output",
    "cat >/dev/null; echo 'sh: something broke' >&2; exit 1": "sh: something broke",
    "cat >/dev/null; exit 7": "exit code 7 without a message",
    "cat >/dev/null; echo CKSHARDEN-NO-PYTHON there is no python3 >&2; exit 97": f"there is no python3{NOT_THERE}",
}


def test_nodes_that_answer_something_else(site: Site) -> None:
    hosts = {f"w{number}": script for number, script in enumerate(ANSWERS)}
    site.hosts(
        {
            host: {"ansible_ssh_executable": site.program(f"ssh_{host}", script)}
            for host, script in hosts.items()
        }
    )
    assert site.collect().hosts == {host: ANSWERS[script] for host, script in hosts.items()}


def test_sudo(site: Site) -> None:
    become = {"ansible_user": "somebody", "ansible_become_user": "root"}
    passes = 'while [ "$1" != /bin/sh ]; do shift; done; exec "$@"'
    site.hosts(
        {
            "w1": become | {"ansible_become_exe": site.program("sudo", passes)},
            "w2": become
            | {"ansible_become_exe": site.program("sudo2", "echo sudo: a password is required >&2; exit 1")},
            "w3": become | {"ansible_become_exe": "/nowhere/sudo"},
            "w4": become | {"ansible_become_method": "su"},
        }
    )
    hosts = site.collect().hosts
    assert hosts["w1"] == site.facts / "w1.json"
    assert hosts["w2"] == "sudo asks for a password, and none was given (-K or --become-password-file)"
    assert "/nowhere/sudo: not found" in str(hosts["w3"])
    assert hosts["w4"] == "become_method su needs a terminal; use sudo"


def test_banners_do_no_harm(site: Site) -> None:
    banner = 'echo "Welcome!"; echo "Authorised use only" >&2; '
    site.ssh(banner + SSH.format(log=site.log))
    assert site.collect().hosts == {"w1": site.facts / "w1.json"}


def test_interpreters(site: Site) -> None:
    good = ("auto_silent", "auto", "python3", "/usr/bin/env python3", "{{ ansible_playbook_python }}")
    bad = {"/nowhere/python3": "/nowhere/python3", "{{ 'nowhere' }}": "nowhere"}
    site.hosts({each: {"ansible_python_interpreter": each} for each in (*good, *bad, "/etc/passwd")})
    hosts = site.collect().hosts
    assert {each: hosts[each] for each in good} == {each: facts_path(site.facts, each) for each in good}
    for each, name in bad.items():
        assert hosts[each] == f"{name} is not there or can not be run{NOT_THERE}"
    assert "Permission denied" in str(hosts["/etc/passwd"])


def test_a_limit(site: Site) -> None:
    site.hosts({"w1": {}, "w2": {}})
    assert set(site.collect(limit="w2").hosts) == {"w2"}
    with pytest.raises(InventoryError, match="no host matches --limit w9"):
        site.collect(limit="w9")
    with pytest.raises(InventoryError):
        site.collect(limit="--version")


def test_nothing_is_left_here(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    site.collect()
    assert list(temporary.iterdir()) == []
    assert [
        path.relative_to(tmp_path / "home") for path in (tmp_path / "home").rglob("*") if path.is_file()
    ] == []
