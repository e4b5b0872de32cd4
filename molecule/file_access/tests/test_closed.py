# SPDX-License-Identifier: Apache-2.0
"""The role has closed the files on all nodes, and its run is kept for a rollback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "cp2", "cp3", "w1")


def test_root_alone_reads_them(host: Any, is_readable: Callable[[str], bool]) -> None:
    assert not is_readable("/etc/kubernetes/kubelet.conf")
    assert not is_readable("/var/lib/kubelet/config.yaml")
    identity = host.file("/etc/kubernetes/kubelet.conf")
    assert (identity.user, identity.group, identity.mode) == ("root", "root", 0o600)


def test_the_run_is_kept_on_the_node_and_nobody_else_sees_it(host: Any) -> None:
    assert host.file("/var/lib/cksharden/20260101T000000Z-access/file_access/journal").exists
    assert host.file("/var/lib/cksharden").mode == 0o700
