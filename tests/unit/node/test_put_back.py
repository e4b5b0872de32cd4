# SPDX-License-Identifier: Apache-2.0
"""Putting back where devices were renumbered, one file can't be put back, or the journal can't be written."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

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
