# SPDX-License-Identifier: Apache-2.0
"""The cluster after `cksharden apply`: what was open is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

testinfra_hosts = [
    "ansible://kube_control_plane?force_ansible=True",
    "ansible://kube_node?force_ansible=True",
]


def test_the_kubelet_refuses_tls_1_2(handshake: Callable[[str], str]) -> None:
    assert handshake("TLSv1_2") == "refused"


def test_the_kubelet_speaks_tls_1_3(handshake: Callable[[str], str]) -> None:
    assert handshake("TLSv1_3") == "TLSv1.3"


def test_root_alone_reads_the_kubelet_configuration(host: Any) -> None:
    configuration = host.file("/var/lib/kubelet/config.yaml")
    assert (configuration.user, configuration.group, configuration.mode) == ("root", "root", 0o600)


def test_the_agent_is_gone(host: Any) -> None:
    assert not host.service("cksharden-agent").exists
