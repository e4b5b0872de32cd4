# SPDX-License-Identifier: Apache-2.0
"""A kubelet as kubeadm leaves it, after a refusal and a check: a pod gets as many processes as it wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "w1")


def test_a_pod_gets_all_processes_that_it_wants(forks: Callable[[str], int]) -> None:
    assert forks("before") == 100


def test_check_mode_wrote_nothing(host: Any) -> None:
    assert not host.file("/etc/kubernetes/kubelet.conf.d").exists
