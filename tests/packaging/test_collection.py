# SPDX-License-Identifier: Apache-2.0
"""The collection's tarball with Ansible alone, as AWX uses it: no cksharden is there, and the lab's nodes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing

from tests.packaging.installation import ROOT, Command

pytestmark = pytest.mark.lab

INVENTORY = ROOT / "inventories/lab"
NODE = "w1"
CONFIG = "/var/lib/kubelet/config.yaml"


def mode() -> str:
    return testing.run(NODE, ["stat", "-c", "%a", CONFIG]).stdout.strip()


@pytest.fixture
def loose_mode() -> Iterator[None]:
    before = mode()
    testing.run(NODE, ["chmod", "0644", CONFIG])
    yield
    testing.run(NODE, ["chmod", before, CONFIG])


def play(command: Command, name: str, **variables: object) -> str:
    """Run a playbook of the collection on NODE and return what it printed."""
    words = ("--inventory", INVENTORY, "--limit", NODE, "--extra-vars", json.dumps(variables))
    return command("ansible-playbook", *words, f"cksharden.node.{name}").stdout


def test_cksharden_itself_is_not_there(plain_ansible: Command) -> None:
    assert (
        "No module named 'cksharden'" in plain_ansible("python", "-c", "import cksharden", codes=(1,)).stdout
    )


def test_facts_are_collected(plain_ansible: Command, tmp_path: Path) -> None:
    play(plain_ansible, "collect", cksharden_facts_dir=str(tmp_path / "facts"))
    facts = json.loads((tmp_path / f"facts/{NODE}.json").read_bytes())
    assert facts["sections"]["kubelet"]["status"] == "ok"


def test_variables_change_a_node_and_a_rollback_changes_it_back(
    plain_ansible: Command, loose_mode: None
) -> None:
    run = "20261123T132000Z-pkg001"
    settings = [{"path": CONFIG, "mode": "0600"}]
    play(plain_ansible, "harden", cksharden_run=run, file_access_settings=settings)
    assert mode() == "600"
    play(plain_ansible, "rollback", cksharden_rollback_run=run)
    assert mode() == "644"


def test_a_plan_of_the_command_changes_a_node(
    plain_ansible: Command, installed: Command, loose_mode: None, tmp_path: Path
) -> None:
    choice = ("--limit", NODE, "--control", "kubelet_config_mode", "--runs-dir", tmp_path)
    installed("cksharden", "plan", INVENTORY, *choice, codes=(0, 1))
    (plan,) = tmp_path.glob("*/plan.json")
    run = json.loads(plan.read_bytes())["run"]
    play(plain_ansible, "harden", cksharden_plan=str(plan), cksharden_run=run)
    assert mode() == "600"
    play(plain_ansible, "rollback", cksharden_rollback_run=run)
    assert mode() == "644"
