# SPDX-License-Identifier: Apache-2.0
"""The cluster as kubeadm leaves it: what the tests after show closed, or there, is not so now."""

from __future__ import annotations

from collections.abc import Callable

from lab.outside import handshake
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "w1")


def test_the_kubelet_agrees_to_tls_1_2_and_a_suite_without_authenticated_encryption(address: str) -> None:
    assert handshake(address, "TLSv1_2", "ECDHE-RSA-AES128-SHA") == ("TLSv1.2", "ECDHE-RSA-AES128-SHA")


def test_everybody_reads_the_kubelet_configuration(is_readable: Callable[[str], bool]) -> None:
    assert is_readable("/var/lib/kubelet/config.yaml")


def test_a_pod_may_call_everything_of_the_kernel(in_pod: Callable[..., str]) -> None:
    assert in_pod("before", "grep", "Seccomp:", "/proc/1/status").split() == ["Seccomp:", "0"]


def test_a_pod_has_no_limit_of_processes(pids_limit: Callable[[str], str]) -> None:
    assert pids_limit("before") == "max"
