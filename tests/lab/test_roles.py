# SPDX-License-Identifier: Apache-2.0
"""The playbooks from plain ansible-playbook, without the CLI; the roles: molecule/{kubelet,file_access}."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import testing

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
NODE = "cp1"
INJECTION = "{{ lookup('pipe', 'touch PWNED') }}"
HOSTILE = f"/root/cksharden-roles/{INJECTION}"


def play(directory: Path, playbook: str, *words: str) -> tuple[int, str]:
    """Run ansible-playbook in a directory; a playbook that is text is written there."""
    if "\n" in playbook:
        (directory / "play.yml").write_text(textwrap.dedent(playbook))
        playbook = "play.yml"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-i", str(ROOT / "inventories/lab/hosts.yml")),
            *(playbook, *words),
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_PIPELINING": "1"},
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def hostile() -> Iterator[None]:
    testing.run(NODE, ["mkdir", "-p", "/root/cksharden-roles"])
    testing.run(NODE, ["touch", HOSTILE])
    testing.run(NODE, ["chmod", "0644", HOSTILE])
    yield
    testing.run(NODE, ["rm", "-r", "/root/cksharden-roles"])


def mode() -> str:
    return testing.run(NODE, ["stat", "-c", "%a", HOSTILE]).stdout.strip()


@pytest.mark.parametrize(
    "ground", [{"mode": "0644", "uid": 0, "gid": 0}, {"mode": "0600", "uid": 0, "gid": 0}]
)
def test_text_of_a_node_in_a_plan_is_never_a_template(
    hostile: None, tmp_path: Path, ground: dict[str, Any]
) -> None:
    item = {"control": INJECTION, "path": HOSTILE, "mode": "0640", "ground": {HOSTILE: ground}}
    settings = {"file_access_settings": [item], "kubelet_settings": []}
    plan = {
        "format": "cksharden-plan",
        "schema": "1.0",
        "run": "ignored",
        "hosts": {NODE: {"kind": "control_plane", "settings": settings}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    code, output = play(
        tmp_path, "cksharden.node.harden", "-e", f"cksharden_plan={tmp_path}/plan.json", "--diff", "-vv"
    )
    moved = ground["mode"] == "0600"
    assert (code != 0) == moved, output
    assert mode() == ("644" if moved else "640")
    assert INJECTION in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json"]
    assert "PWNED" not in testing.run(NODE, "ls /root").stdout


def test_an_empty_list_runs_no_task(tmp_path: Path) -> None:
    code, output = play(
        tmp_path,
        """\
        - hosts: cp1
          gather_facts: false
          roles:
            - role: cksharden.node.file_access
            - role: cksharden.node.kubelet
        """,
    )
    assert code == 0, output
    assert "skipped=3" in output


def test_check_mode_shows_and_changes_nothing(tmp_path: Path) -> None:
    before = testing.run(NODE, "cat /etc/default/kubelet; ls /var/lib/cksharden", check=False).stdout
    (tmp_path / "settings.json").write_text(
        json.dumps({"kubelet_settings": [{"key": "podPidsLimit", "value": 4321}]})
    )
    code, output = play(
        tmp_path, "cksharden.node.harden", "--check", "--diff", "--limit", NODE, "-e", "@settings.json"
    )
    assert code == 0, output
    assert '+  "podPidsLimit": 4321' in output
    assert "changed=1" in output
    after = testing.run(NODE, "cat /etc/default/kubelet; ls /var/lib/cksharden", check=False).stdout
    assert after == before


@pytest.fixture
def flagged() -> Iterator[None]:
    """A kubelet that is started with a flag."""
    testing.run(NODE, "cp -p /etc/default/kubelet /root/kept")
    testing.run(NODE, "echo 'KUBELET_EXTRA_ARGS=--pod-max-pids=9999' >/etc/default/kubelet")
    testing.run(NODE, ["systemctl", "restart", "kubelet"])
    testing.wait_ready(NODE)
    yield
    testing.run(NODE, "mv /root/kept /etc/default/kubelet && systemctl restart kubelet")
    testing.wait_ready(NODE)


def test_a_flag_that_the_setting_does_not_name_is_told_and_nothing_is_changed(
    flagged: None, tmp_path: Path
) -> None:
    state = "cat /etc/default/kubelet; ls /var/lib/cksharden; pidof kubelet"
    before = testing.run(NODE, state, check=False).stdout
    code, output = play(
        tmp_path,
        """\
        - hosts: cp1
          gather_facts: false
          roles:
            - role: cksharden.node.kubelet
              vars:
                kubelet_settings:
                  - key: podPidsLimit
                    value: 4321
        """,
    )
    assert code != 0, output
    assert "--pod-max-pids in /etc/default/kubelet overrides podPidsLimit" in output
    assert testing.run(NODE, state, check=False).stdout == before
