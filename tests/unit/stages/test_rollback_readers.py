# SPDX-License-Identifier: Apache-2.0
"""A key is taken from every control plane or from none."""

from __future__ import annotations

import pytest

from cksharden.ansible_inventory import members
from cksharden.rollback import lacking_readers
from cksharden.transactions import HostRestoration, Restoration

FILE = "/etc/kubernetes/cksharden/encryption.yaml"
KEEPS = (Restoration(FILE, "restore"),)
BACK = (Restoration(FILE, "as_before"),)
PLANES = {"cp1", "cp2"}


def host(name: str, *files: Restoration) -> HostRestoration:
    """Return what a control plane keeps of a run's second round; of the third no run but a rotation has any."""
    return HostRestoration(name, bool(files), {"encryption_3": (), "encryption_2": files, "kubelet": ()})


@pytest.mark.parametrize(
    ("hosts", "lacking"),
    [
        ((host("cp1", *KEEPS), host("cp2", *KEEPS)), set()),
        ((host("cp1", *KEEPS), host("cp2")), {"cp2"}),
        ((host("cp1", *KEEPS),), {"cp2"}),
        ((host("cp1", *KEEPS), host("cp2", *BACK)), set()),
        ((host("cp1", *BACK), host("cp2")), set()),
        ((host("cp1"), host("cp2")), set()),
        ((host("cp1", *KEEPS), host("cp2", *KEEPS), HostRestoration("w1", True, {"kubelet": KEEPS})), set()),
    ],
    ids=["all", "joined later", "limited", "half back", "is back", "did not encrypt", "a worker"],
)
def test_whoever_would_go_on_writing_by_the_key_is_named(
    hosts: tuple[HostRestoration, ...], lacking: set[str]
) -> None:
    assert lacking_readers(hosts, PLANES) == lacking


def test_a_group_has_the_hosts_of_those_below_it() -> None:
    groups = {"all": {"children": ["planes", "w"]}, "planes": {"hosts": ["cp1"]}, "w": {"hosts": ["w1"]}}
    assert members(groups, "all") == {"cp1", "w1"}
    assert (members(groups, "planes"), members(groups, "kube_control_plane")) == ({"cp1"}, set())
