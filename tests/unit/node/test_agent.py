# SPDX-License-Identifier: Apache-2.0
"""A transaction whose ground moves, whose disk is full, whose gate does not hold, and what it refuses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import store
from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS, Journal
from ansible_collections.cksharden.node.plugins.module_utils.node.recover import recover
from tests.unit.node.fakes import RUN, FakeNode, in_child

FLAGS = "var/lib/kubelet/kubeadm-flags.env"


def test_a_transaction_commits_and_keeps_its_backup_private(node: FakeNode) -> None:
    assert node.begin()["begun"]
    closed = node.run()
    assert (closed["outcome"], closed["proved"], closed["watched"]) == ("committed", True, 30)
    node.assert_planned()
    for place, _directories, names in os.walk(node.base):
        assert os.stat(place).st_mode & 0o777 == 0o700
        assert all(os.stat(os.path.join(place, name)).st_mode & 0o777 == 0o600 for name in names)


@pytest.mark.parametrize("fault", ["dies", "never_ready", "no_lease", "no_api", "no_systemd"])
def test_a_gate_that_does_not_hold_is_answered_by_restoring(node: FakeNode, fault: str) -> None:
    node.system.set(fault=fault)
    node.begin()
    closed = node.run()
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    assert closed["reason"]
    assert (closed["kubelet_error"] is None) == (fault == "no_systemd") or "run.go" in closed["kubelet_error"]
    node.assert_before()


def test_restored_but_not_proved(node: FakeNode) -> None:
    node.begin()
    node.agent(meanwhile=("gating", lambda: node.system.set(fault="never_ready", always=True)))
    assert (node.closed()["outcome"], node.closed()["proved"]) == ("restored", False)
    node.assert_before()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (FLAGS, lambda path: path.write_bytes(b"other\n")),
        (FLAGS, lambda path: path.chmod(0o600)),
        (FLAGS, lambda path: os.chown(path, 1, 1)),
        (FLAGS, lambda path: path.unlink()),
        ("var/lib/kubelet/config.yaml", lambda path: path.chmod(0o666)),
        ("etc/kubernetes/kubelet.conf.d/99-cksharden.conf", lambda path: (path.parent.mkdir(), path.touch())),
        ("etc/kubernetes/kubelet.conf.d/10-own.conf", lambda path: (path.parent.mkdir(), path.touch())),
    ],
)
@pytest.mark.parametrize("step", ["begin", "checked", "staged", "swapping"])
def test_ground_that_has_moved_is_refused(
    node: FakeNode, name: str, change: Callable[[Path], Any], step: str
) -> None:
    node.begin()

    def move() -> None:
        change(node.root / name)
        # What the transaction itself has staged by then is no part of what must stay.
        node.before = {
            path: entry | ({"links": 1} if entry["links"] else {})
            for path, entry in node.snapshot().items()
            if ".cksharden-" not in path
        }

    node.agent(meanwhile=(step, move))
    closed = node.closed()
    assert closed["outcome"] in ("refused", "abandoned")
    assert name in closed["reason"]
    node.assert_before()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"kubeadm": True}, "kubeadm"),
        ({"down": True}, "the API server does not answer"),
        ({"runs": False}, "does not run"),
        ({"fault": "never_ready", "always": True}, "is not Ready"),
    ],
)
def test_a_node_that_is_not_well_is_refused(node: FakeNode, state: dict[str, Any], told: str) -> None:
    node.begin()
    node.system.set(**state)
    node.agent()
    assert node.closed()["outcome"] == "refused"
    assert told in node.closed()["reason"]
    node.assert_before()


def test_a_reboot_before_the_agent_began_abandons(node: FakeNode) -> None:
    node.begin()
    node.system.reboot()
    assert node.run()["outcome"] == "abandoned"
    node.assert_before()


def test_the_old_name_of_a_file_is_taken_away_meanwhile(node: FakeNode) -> None:
    node.system.set(fault="dies")
    node.begin()

    def steal() -> None:
        for path in (node.root / "etc").glob(".cksharden-*.old"):
            path.unlink()

    node.agent(meanwhile=("swapped", steal))
    assert node.closed()["outcome"] == "restored"
    node.assert_before()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[FakeNode]:
    """A node on a filesystem of 12 MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path)], check=True)
    try:
        yield FakeNode(tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(root: Path) -> None:
    with (root / "filler").open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            return


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["", "dies"])
def test_the_disk_is_full_from_any_step_on(small: FakeNode, step: str, fault: str) -> None:
    small.begin()
    small.system.set(fault=fault)
    state = small.system._file.read_bytes()  # the fake writes too, and is not what is tested
    outside = Path(str(small.root) + ".json")
    outside.write_bytes(state)
    small.system._file = outside
    small.agent(meanwhile=(step, lambda: fill(small.root)))
    (small.root / "filler").unlink(missing_ok=True)
    if small.closed()["outcome"] == "committed":
        small.assert_planned()
    else:
        small.assert_before()
    assert small.begin(small.transaction("20261123T150000Z-000001"))["begun"] or fault == ""


def test_no_room_is_refused(small: FakeNode) -> None:
    fill(small.root)
    answer = small.begin()
    assert not answer["begun"]
    assert "no room" in answer["reason"] or "No space" in answer["reason"]
    (small.root / "filler").unlink()
    small.begin()
    fill(small.root)
    os.truncate(small.root / "filler", os.stat(small.root / "filler").st_size - 2_000_000)
    assert small.run()["outcome"] == "refused"
    assert "no room" in small.closed()["reason"]
    small.assert_before()


@pytest.mark.parametrize("outcome", ["committed", "restored"])
@pytest.mark.parametrize("onto_itself", [False, True])
def test_a_file_on_a_mount_of_its_own_is_staged_beside_itself(
    node: FakeNode, outcome: str, onto_itself: bool
) -> None:
    place = node.root / "etc/default"
    kept = (place / "kubelet").read_bytes()
    mount = ["--bind", str(place)] if onto_itself else ["-t", "tmpfs", "tmpfs"]
    subprocess.run(["mount", *mount, str(place)], check=True)
    try:
        (place / "kubelet").write_bytes(kept)
        node.before = node.snapshot()
        node.system.set(fault="dies" if outcome == "restored" else None)
        node.begin()
        assert node.run()["outcome"] == outcome
        if outcome == "restored":
            node.assert_before()
        assert [path.name for path in place.iterdir()] == ["kubelet"]
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_what_was_staged_on_a_mount_that_a_boot_has_taken_away_is_found(node: FakeNode) -> None:
    place = node.root / "etc/default"
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    try:
        node.begin()
        assert in_child(lambda: node.agent(fatal="swapped"))
    finally:
        subprocess.run(["umount", str(place)], check=True)
    node.system.reboot()
    assert node.run()["outcome"] == "restored"
    node.assert_before()


def test_a_watched_directory_that_is_a_mount_is_refused(node: FakeNode) -> None:
    place = node.root / "etc/kubernetes/kubelet.conf.d"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
    try:
        node.before = node.snapshot()
        node.begin()
        assert node.run()["outcome"] == "refused"
        assert "mount of its own" in node.closed()["reason"]
        node.assert_before()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_second_transaction_waits_for_the_first(node: FakeNode) -> None:
    node.begin()
    answer = node.begin(node.transaction("20261123T150000Z-000001"))
    assert not answer["begun"]
    assert f"kubelet of run {RUN} is still open" in answer["reason"]
    node.run()
    assert not node.begin()["begun"], "a run has one transaction of a role"


def test_an_open_transaction_gets_its_agent_back(node: FakeNode) -> None:
    node.begin()
    node.system.set(agent=False)
    os.unlink(node.root / "units/cksharden-agent.service")
    log = Journal(os.path.join(node.directory(), "journal"))
    log.append("begin")
    log.close()
    assert "started again" in recover(node.base, node.system)["open"]
    assert "still open" in recover(node.base, node.system)["open"]
    assert not node.begin(node.transaction("20261123T150000Z-000001"))["begun"]
    assert (node.root / "units/cksharden-agent.service").exists()
    assert node.run()["outcome"] == "abandoned"
    assert recover(node.base, node.system) == {"open": ""}
    assert node.begin(node.transaction("20261123T150000Z-000001"))["begun"]


def test_what_an_agent_is_at_work_on_is_named(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.cksharden.node.plugins.module_utils.node.recover.PATIENCE", 0)
    node.begin()
    with store.locked(node.base, 5):  # as the agent does
        told = recover(node.base, node.system)["open"]
    assert told == f"the transaction kubelet of run {RUN} is still open on this node"


def test_only_the_last_runs_are_kept(node: FakeNode) -> None:
    transaction = node.transaction()
    for number in range(8):
        run = f"20261123T15000{number}Z-000001"
        node.begin({**transaction, "run": run, "changes": [], "restart": None, "gate": None})
        assert node.run(run)["outcome"] == "committed"
        os.utime(os.path.dirname(node.directory(run)), (number, number))
    assert sorted(name for name in os.listdir(node.base) if name != ".lock") == [
        f"20261123T15000{number}Z-000001" for number in range(3, 8)
    ]


def test_the_floors_of_the_gate_are_told(node: FakeNode) -> None:
    transaction = node.transaction()
    transaction["gate"].update(window=3, limit=5)
    answer = node.begin(transaction)
    assert [told.split(" of ")[0] for told in answer["raised"]] == ["the gate's window", "the gate's limit"]
    assert node.run()["outcome"] == "committed"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda transaction: transaction.update(schema="2.0"),
        lambda transaction: transaction.update(restart="sshd.service"),
        lambda transaction: transaction.update(gate=None),
        lambda transaction: transaction["changes"].append(transaction["changes"][0]),
        lambda transaction: transaction["changes"][0].update(path="/etc/../etc/x"),
        lambda transaction: transaction["changes"][0].update(path="etc"),
    ],
)
def test_a_transaction_that_is_not_understood_is_refused(
    node: FakeNode, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    transaction = node.transaction()
    spoil(transaction)
    assert not node.begin(transaction)["begun"]
    node.assert_before()
