# SPDX-License-Identifier: Apache-2.0
"""A run is taken back byte for byte, and what others changed since is theirs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import fsio
from ansible_collections.cksharden.node.plugins.module_utils.node.rollback_begin import rollback_begin
from ansible_collections.cksharden.node.plugins.module_utils.node.rollback_preview import preview
from tests.unit.node.fakes import RUN, FakeNode, in_child

BACK = "20261123T150000Z-bbbbbb"
AGAIN = "20261123T160000Z-cccccc"
FLAGS = "var/lib/kubelet/kubeadm-flags.env"
DROP_IN = "etc/kubernetes/kubelet.conf.d/99-cksharden.conf"


@pytest.fixture
def changed(node: FakeNode) -> FakeNode:
    node.begin()
    assert node.run()["outcome"] == "committed"
    return node


def take_back(node: FakeNode, of: str = RUN, run: str = BACK, *, force: bool = False) -> dict[str, Any]:
    payload = {"of": of, "role": "kubelet", "run": run, "host": "w1", "force": force, "agent": "# agent"}
    return rollback_begin(payload, node.base, node.system)


def statuses(node: FakeNode) -> dict[str, str]:
    roles = preview({"of": RUN}, node.base)["roles"]
    return {file["path"].removeprefix(f"{node.root}/"): file["status"] for file in roles[0]["files"]}


def test_everything_is_as_before(changed: FakeNode) -> None:
    assert set(statuses(changed).values()) == {"restore"}
    assert take_back(changed)["begun"]
    assert changed.run(BACK)["outcome"] == "committed"
    changed.assert_before()
    assert set(statuses(changed).values()) == {"as_before"}
    answer = take_back(changed, run=AGAIN)
    assert (answer["begun"], answer["nothing"]) == (False, True)


def test_a_rollback_can_be_taken_back(changed: FakeNode) -> None:
    take_back(changed)
    changed.run(BACK)
    assert take_back(changed, of=BACK, run=AGAIN)["begun"]
    assert changed.run(AGAIN)["outcome"] == "committed"
    changed.assert_planned()


@pytest.mark.parametrize("step", ["staged", "swapping", "swapped", "gating", "committed"])
def test_a_rollback_that_is_killed(changed: FakeNode, step: str) -> None:
    take_back(changed)
    assert in_child(lambda: changed.agent(fatal=step, directory=changed.directory(BACK)))
    if changed.run(BACK)["outcome"] == "committed":
        changed.assert_before()
    else:
        changed.assert_planned()


def test_what_changed_since_is_named_and_not_overwritten(changed: FakeNode) -> None:
    (changed.root / FLAGS).write_bytes(b"KUBELET_KUBEADM_ARGS=--mine\n")
    (changed.root / DROP_IN).chmod(0o644)
    before = changed.snapshot()
    answer = take_back(changed)
    assert not answer["begun"]
    assert FLAGS in answer["reason"]
    assert DROP_IN in answer["reason"]
    assert "etc/default" not in answer["reason"]
    assert changed.snapshot() == before
    assert take_back(changed, run=AGAIN, force=True)["begun"]
    assert changed.run(AGAIN)["outcome"] == "committed"
    changed.assert_before()


def test_a_file_that_is_gone_is_named_and_comes_back_by_force(changed: FakeNode) -> None:
    (changed.root / FLAGS).unlink()
    (changed.root / "var/lib/kubelet/config.yaml").unlink()
    answer = take_back(changed)
    assert "it is gone" in answer["reason"]
    assert take_back(changed, run=AGAIN, force=True)["begun"]
    changed.run(AGAIN)
    del changed.before["var/lib/kubelet/config.yaml"]  # only its mode was changed, so there is no copy
    changed.assert_before()


def test_what_somebody_put_back_already_is_left_alone(changed: FakeNode) -> None:
    (changed.root / "var/lib/kubelet/config.yaml").chmod(0o644)
    assert statuses(changed)["var/lib/kubelet/config.yaml"] == "as_before"
    take_back(changed)
    assert changed.run(BACK)["outcome"] == "committed"
    changed.assert_before()


def test_the_directory_stays_with_files_of_others(changed: FakeNode) -> None:
    other = changed.root / "etc/kubernetes/kubelet.conf.d/10-own.conf"
    other.write_text("{}\n")
    take_back(changed)
    assert changed.run(BACK)["outcome"] == "committed"
    assert other.read_text() == "{}\n"
    assert not (changed.root / DROP_IN).exists()
    assert take_back(changed, run=AGAIN)["nothing"]


def test_with_the_api_down_it_goes_on_and_says_so(changed: FakeNode) -> None:
    changed.system.set(down=True)
    take_back(changed)
    closed = changed.run(BACK)
    assert (closed["outcome"], closed["proved"]) == ("committed", False)
    changed.assert_before()


def test_with_the_kubelet_down_it_goes_on_and_says_so(changed: FakeNode) -> None:
    changed.system.set(runs=False)
    take_back(changed)
    closed = changed.run(BACK)
    assert (closed["outcome"], closed["proved"]) == ("committed", False)
    changed.assert_before()


def test_a_rollback_whose_kubelet_dies_is_undone(changed: FakeNode) -> None:
    take_back(changed)
    changed.agent(
        directory=changed.directory(BACK),
        meanwhile=("gating", lambda: changed.system.set(fault="dies", always=True)),
    )
    assert changed.closed(BACK)["outcome"] == "restored"
    changed.assert_planned()


def test_a_run_that_changed_nothing_has_nothing_to_take_back(node: FakeNode) -> None:
    node.system.set(fault="dies")
    node.begin()
    node.run()
    assert take_back(node)["nothing"]


def test_a_run_that_the_node_does_not_know(node: FakeNode) -> None:
    assert not take_back(node)["known"]
    assert not preview({"of": RUN}, node.base)["known"]


def test_an_open_run_is_not_taken_back(node: FakeNode) -> None:
    node.begin()
    assert "still open" in take_back(node)["reason"]
    assert preview({"of": RUN}, node.base)["open"]


def test_a_damaged_backup_is_refused(changed: FakeNode) -> None:
    for path in (changed.root / "state" / RUN / "kubelet/backup").glob("[0-9]*"):
        path.write_bytes(b"damaged")
    before = changed.snapshot()
    take_back(changed)
    assert changed.run(BACK)["outcome"] == "refused"
    assert "is damaged" in changed.closed(BACK)["reason"]
    assert changed.snapshot() == before


def test_the_rounds_of_one_file_go_back_in_turn(node: FakeNode) -> None:
    """What a later round of the run has changed is nobody else's change."""
    path = node.path("etc/kubernetes/encryption.yaml")
    for number in (1, 2, 3):
        ground = None if number == 1 else fsio.state_of(path)
        edits = [{"op": "write", "content": f"round {number}"}]
        create = {"mode": "0600", "uid": os.getuid(), "gid": os.getgid()}
        change = {"path": path, "action": "edit", "edits": edits, "create": create, "ground": ground}
        role = f"encryption_{number}"
        quiet = {"changes": [change], "restart": None, "gate": None}
        assert node.begin(node.transaction(role=role) | quiet)["begun"]
        assert node.run(role=role)["outcome"] == "committed"

    def told() -> list[str]:
        roles = preview({"of": RUN}, node.base)["roles"]
        return [file["status"] for role in roles for file in role["files"]]

    assert told() == ["restore"] * 3
    Path(path).write_text("somebody else's")
    assert told() == ["moved"] * 3
