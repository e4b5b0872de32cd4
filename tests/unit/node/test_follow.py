# SPDX-License-Identifier: Apache-2.0
"""What the controller is told of a transaction that goes on without it."""

from __future__ import annotations

import time

from ansible_collections.cksharden.node.plugins.module_utils.node.follow import follow
from tests.unit.node.fakes import RUN, FakeNode

QUESTION = {"run": RUN, "role": "kubelet", "seen": 0, "wait": 20}


def test_a_transaction_that_nobody_began_is_not_known(node: FakeNode) -> None:
    assert follow(QUESTION, node.base, node.system) == {"known": False, "closed": False, "records": []}


def test_an_end_is_told_at_once_and_nothing_new_after_the_wait(node: FakeNode) -> None:
    node.begin()
    begun = time.monotonic()
    assert follow({**QUESTION, "wait": 1}, node.base, node.system)["records"] == []
    assert time.monotonic() - begun >= 1
    node.run()
    ended = follow({**QUESTION, "seen": 9}, node.base, node.system)
    assert (ended["known"], ended["closed"], ended["records"]) == (True, True, node.records())
    assert time.monotonic() - begun < 15


def test_a_closed_transaction_is_told_when_its_unit_has_gone_too(node: FakeNode) -> None:
    node.begin()
    node.run()
    node.system.set(agent=True)
    begun = time.monotonic()
    assert follow({**QUESTION, "wait": 1}, node.base, node.system)["closed"]
    assert time.monotonic() - begun >= 1
