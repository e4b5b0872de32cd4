# SPDX-License-Identifier: Apache-2.0
"""Putting back where devices were renumbered, one file can't be put back, or the journal can't be written."""

from __future__ import annotations

import errno
import json
import os
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.agent import Agent
from ansible_collections.cksharden.node.plugins.module_utils.node.journal import Journal
from tests.unit.node.fakes import FakeNode, in_child

CONFIG = "var/lib/kubelet/config.yaml"


def renumber(node: FakeNode) -> None:
    """Let the backup name another device, as after a boot that found its disks in another order."""
    path = os.path.join(node.directory(), "backup/manifest.json")
    with open(path, encoding="ascii") as stream:
        entries: list[dict[str, Any]] = json.load(stream)
    for entry in entries:
        if entry["existed"]:
            entry["inode"][0] += 1
    with open(path, "w", encoding="ascii") as stream:
        json.dump(entries, stream)


@pytest.mark.parametrize("step", ["swapping", "swapped", "restoring"])
def test_attributes_come_back_after_a_boot_that_renumbered_devices(node: FakeNode, step: str) -> None:
    node.system.set(fault="dies")
    node.begin()
    assert in_child(lambda: node.agent(fatal=step))
    node.system.reboot()
    renumber(node)
    assert node.run()["outcome"] == "restored"
    node.assert_before()


@pytest.mark.parametrize("mode", [0o640, 0o600])
def test_another_file_under_the_name_is_left_alone(node: FakeNode, mode: int) -> None:
    node.begin()
    assert in_child(lambda: node.agent(fatal="swapped"))
    path = node.root / CONFIG
    path.rename(str(path) + ".kept")  # keeps its inode number from being used again
    path.write_bytes(b"another")
    path.chmod(mode)
    renumber(node)
    node.run()
    assert path.stat().st_mode & 0o777 == mode


def test_the_same_inode_number_with_attributes_of_nobodys_is_left_alone(node: FakeNode) -> None:
    node.begin()
    assert in_child(lambda: node.agent(fatal="swapped"))
    path = node.root / CONFIG
    path.chmod(0o640)
    renumber(node)
    node.run()
    assert path.stat().st_mode & 0o777 == 0o640


def test_one_file_that_cannot_be_put_back_keeps_no_other_from_it(node: FakeNode) -> None:
    node.begin()
    assert in_child(lambda: node.agent(fatal="swapped"))
    # The last of the transaction is the first to go back.
    blocked = node.path(CONFIG)
    os.rename(blocked, blocked + ".kept")
    os.symlink(blocked + ".kept", blocked)
    with pytest.raises(OSError, match=r"config\.yaml"):
        node.agent()
    now = node.snapshot()
    assert now["etc/default/kubelet"] == node.before["etc/default/kubelet"]
    assert "etc/kubernetes/kubelet.conf.d" not in now
    os.unlink(blocked)
    os.rename(blocked + ".kept", blocked)
    assert node.run()["outcome"] == "restored"
    node.assert_before()


class BrokenJournal(Journal):
    """A journal on a disk that can be read and no longer written."""

    def _write(self, _data: bytes, _position: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("step", ["swapped", "restoring"])
def test_a_journal_that_cannot_be_written_restarts_no_kubelet_again_and_again(
    node: FakeNode, step: str
) -> None:
    node.system.set(fault="dies")
    node.begin()
    assert in_child(lambda: node.agent(fatal=step))
    started = []
    for _ in range(4):
        log = BrokenJournal(os.path.join(node.directory(), "journal"))
        with pytest.raises(OSError, match="Input/output"):
            Agent(node.directory(), node.system, log).run()
        log.close()
        started.append(node.system.get("pid"))
    assert len(set(started)) == 1
    assert not any(word.startswith("--config-dir") for word in node.system.get("argv"))
    assert node.run()["outcome"] == "restored"
    node.assert_before()
