# SPDX-License-Identifier: Apache-2.0
"""Every pod asks its registry, whatever it says of pulling and whatever the node has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab.testing import over_ssh

testinfra_hosts = over_ssh("w1")


def test_what_the_node_has_does_not_start_without_its_registry(
    outcome: Callable[[], tuple[str, str]],
) -> None:
    assert outcome() == ("Always", "not pulled")


@pytest.mark.usefixtures("served")
def test_it_starts_where_its_registry_answers(outcome: Callable[[], tuple[str, str]]) -> None:
    assert outcome() == ("Always", "running")
