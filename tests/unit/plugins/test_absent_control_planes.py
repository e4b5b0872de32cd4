# SPDX-License-Identifier: Apache-2.0
"""Which control planes kubeadm-config and keys speak for that a play does not take in."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import (
    absent_control_planes,
    more_than,
)


def variables(*playing: str, **kinds: str) -> dict[str, Any]:
    """Return a play's variables: of three in the group, the hosts that take part, and what others said."""
    named = ["cp1", "cp2", "cp3"]
    hostvars = {host: {"cksharden_node_kind": kinds[host]} if host in kinds else {} for host in named}
    return {
        "groups": {"kube_control_plane": named},
        "ansible_play_hosts": list(playing),
        "hostvars": hostvars,
    }


@pytest.mark.parametrize(
    ("told", "absent"),
    [
        (variables("cp1", "cp2", "cp3"), ""),
        (variables("cp1"), "cp2, cp3"),
        (variables("cp1", "cp2", cp3="none"), ""),
        (variables("cp1", "cp2", cp3="control_plane"), "cp3"),
    ],
    ids=["all", "limited", "has not joined", "failed meanwhile"],
)
def test_only_one_that_has_joined_can_be_absent(told: dict[str, Any], absent: str) -> None:
    assert absent_control_planes(told) == absent


def test_a_play_of_fewer_hosts_than_there_are_control_planes_lacks_one() -> None:
    assert more_than(["a", "b"], ["cp1"]) == "a, b"
    assert more_than(["a", "b"], ["cp1", "cp2"]) == ""
