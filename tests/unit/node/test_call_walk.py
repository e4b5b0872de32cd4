# SPDX-License-Identifier: Apache-2.0
"""The agent is killed before any one of its calls that change the disk: finer than its journal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.node.fakes import FakeNode, in_child

CALLS = (
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "fchmod",
    "fchown",
    "fsync",
    "pwrite",
    "write",
    "setxattr",
    "utime",
)


def kill_before(number: int) -> None:
    """Let this process be killed before its number-th call that changes the disk."""
    left = [number]

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*words: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **named)

        return killed

    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))


@pytest.mark.parametrize("fault", ["", "dies"])
def test_killed_before_any_call(node: FakeNode, fault: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        node = FakeNode(tmp_path_factory.mktemp("node"))
        node.system.set(fault=fault)
        node.begin()

        def work(number: int = number, node: FakeNode = node) -> None:
            kill_before(number)
            node.agent()

        killed = in_child(work)
        if killed and number % 2:
            node.system.reboot()
        if killed:
            node.agent()
        if node.closed()["outcome"] == "committed":
            node.assert_planned()
        else:
            node.assert_before()
    assert number > 60


def test_begin_killed_before_any_call(tmp_path_factory: pytest.TempPathFactory) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        node = FakeNode(tmp_path_factory.mktemp("node"))

        def work(number: int = number, node: FakeNode = node) -> None:
            kill_before(number)
            node.begin()

        killed = in_child(work)
        if killed and number % 2:
            node.system.reboot()
        answer = node.begin(node.transaction("20261123T140000Z-ffffff"))
        if answer["begun"]:
            assert node.run("20261123T140000Z-ffffff")["outcome"] == "committed"
        else:
            # It was begun after all, or as good as: then its agent brings it to an end.
            assert "still open" in answer["reason"], answer
            assert node.run()["outcome"] in ("committed", "abandoned")
            again = node.transaction("20261123T150000Z-ffffff")
            assert node.begin(again)["begun"] or node.system.get("agent")
    assert number > 10
