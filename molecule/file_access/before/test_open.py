# SPDX-License-Identifier: Apache-2.0
"""Files are open: before anything, after a refusal and a check, and again when the run was taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "cp2", "cp3", "w1")


def test_an_account_without_rights_reads_them(is_readable: Callable[[str], bool]) -> None:
    assert is_readable("/etc/kubernetes/kubelet.conf")
    assert is_readable("/var/lib/kubelet/config.yaml")


def test_they_have_the_modes_and_owners_from_before(host: Any) -> None:
    identity = host.file("/etc/kubernetes/kubelet.conf")
    assert (identity.user, identity.group, identity.mode) == ("nobody", "nogroup", 0o640)
    assert host.file("/var/lib/kubelet/config.yaml").mode == 0o644
