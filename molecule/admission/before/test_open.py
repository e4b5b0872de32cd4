# SPDX-License-Identifier: Apache-2.0
"""Who knows the name of an image that a node has, has it, and every namespace takes privileged pods."""

from __future__ import annotations

from collections.abc import Callable

from lab.testing import over_ssh

testinfra_hosts = over_ssh("w1")


def test_what_the_node_has_starts_without_its_registry(outcome: Callable[[], tuple[str, str]]) -> None:
    assert outcome() == ("IfNotPresent", "running")


def test_every_namespace_takes_privileged_pods(takes_privileged: Callable[[str], bool]) -> None:
    assert takes_privileged("team")
    assert takes_privileged("others")
