# SPDX-License-Identifier: Apache-2.0
"""The cluster as kubeadm leaves it: what the tests after show closed is open now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

testinfra_hosts = [
    "ansible://kube_control_plane?force_ansible=True",
    "ansible://kube_node?force_ansible=True",
]
FRESH = "this lab is not as kubeadm left it: nox -s lab -- up --fresh"


def test_the_kubelet_still_speaks_tls_1_2(handshake: Callable[[str], str]) -> None:
    assert handshake("TLSv1_2") == "TLSv1.2", FRESH


def test_everybody_may_read_the_kubelet_configuration(host: Any) -> None:
    assert host.file("/var/lib/kubelet/config.yaml").mode == 0o644, FRESH
