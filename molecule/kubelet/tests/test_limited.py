# SPDX-License-Identifier: Apache-2.0
"""The role has changed one control plane and the worker, and no other node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "cp2", "cp3", "w1")
CHANGED = ("cp1", "w1")


@pytest.fixture
def is_changed(host: Any) -> bool:
    return host.backend.get_hostname() in CHANGED


def test_a_new_pod_is_refused_more_processes(is_changed: bool, forks: Callable[[str], int]) -> None:
    assert (forks("after") < 64) == is_changed


def test_the_role_wrote_one_drop_in(is_changed: bool, host: Any) -> None:
    drop_in = host.file("/etc/kubernetes/kubelet.conf.d/99-cksharden.conf")
    assert drop_in.exists == is_changed
    if is_changed:
        assert (drop_in.user, drop_in.mode) == ("root", 0o600)


def test_the_agent_is_gone(host: Any) -> None:
    assert not host.service("cksharden-agent").exists
