# SPDX-License-Identifier: Apache-2.0
"""What a role says to somebody who gives it the wrong thing: Ansible's own words, before it asks a node."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PATH = {"path": "/etc/hosts"}
KEY = {"key": "podPidsLimit", "value": 1024}

# A host's name: the role, the variables that it is given, and what Ansible says of them.
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "settings_number": ("kubelet", {"kubelet_settings": 5}, "'kubelet_settings' must be a list"),
    "setting_word": ("kubelet", {"kubelet_settings": ["podPidsLimit"]}, "'kubelet_settings'.* to dict"),
    "no_value": (
        *("kubelet", {"kubelet_settings": [{"key": "podPidsLimit"}]}),
        "missing required arguments: value found in kubelet_settings",
    ),
    "unknown_key": (
        *("kubelet", {"kubelet_settings": [{**KEY, "flags": "pod-max-pids"}]}),
        r"kubelet_settings\.flags. Supported parameters include: control, flag,",
    ),
    "gate_word": ("kubelet", {"kubelet_settings": [KEY], "kubelet_gate_window": "soon"}, "gate_window.* int"),
    "no_path": (
        *("file_access", {"file_access_settings": [{"mode": "0600"}]}),
        "missing required arguments: path found in file_access_settings",
    ),
    "ground_list": ("file_access", {"file_access_settings": [{**PATH, "ground": []}]}, "ground.* to dict"),
    "unknown_attribute": (
        *("file_access", {"file_access_settings": [{**PATH, "user": "root"}]}),
        r"file_access_settings\.user. Supported parameters include: control, ground,",
    ),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What one ansible-playbook says to each of them; no host of it can be reached."""
    directory = tmp_path_factory.mktemp("argument_specs")
    nowhere = {"ansible_connection": "local", "ansible_python_interpreter": "/nowhere"}
    hosts = {host: {"role": role, **given, **nowhere} for host, (role, given, _) in WRONG.items()}
    task = {"ansible.builtin.include_role": {"name": "cksharden.node.{{ role }}"}}
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (directory / "play.json").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}])
    )
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.json", "play.json"],
        cwd=directory,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    results = re.findall(r"^fatal: \[(\w+)\]: FAILED! => (\{.*\})$", done.stdout, re.MULTILINE)
    return {host: json.loads(result)["argument_errors"] for host, result in results}


@pytest.mark.parametrize("host", WRONG)
def test_a_wrong_argument_is_named_in_ansibles_own_words(refusals: dict[str, list[str]], host: str) -> None:
    assert re.search(WRONG[host][2], "\n".join(refusals[host]))
