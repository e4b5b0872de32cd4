# SPDX-License-Identifier: Apache-2.0
"""The cluster after `cksharden apply`: what was open is closed, what was missing is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.outside import handshake
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "w1")
OF_TLS_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def test_the_kubelet_refuses_tls_1_2(address: str) -> None:
    assert handshake(address, "TLSv1_2") is None


def test_the_kubelet_agrees_to_tls_1_3_and_a_suite_of_it(address: str) -> None:
    agreed = handshake(address)
    assert agreed is not None
    assert agreed[0] == "TLSv1.3"
    assert agreed[1] in OF_TLS_1_3


def test_root_alone_reads_the_kubelet_configuration(host: Any, is_readable: Callable[[str], bool]) -> None:
    configuration = host.file("/var/lib/kubelet/config.yaml")
    assert (configuration.user, configuration.group, configuration.mode) == ("root", "root", 0o600)
    assert not is_readable("/var/lib/kubelet/config.yaml")


def test_a_new_pod_gets_the_seccomp_profile_of_the_runtime(in_pod: Callable[..., str]) -> None:
    assert in_pod("after", "grep", "Seccomp:", "/proc/1/status").split() == ["Seccomp:", "2"]


def test_a_new_pod_has_a_limit_of_processes(pids_limit: Callable[[str], str]) -> None:
    assert pids_limit("after") == "4096"


def test_the_agent_is_gone(host: Any) -> None:
    assert not host.service("cksharden-agent").exists
