# SPDX-License-Identifier: Apache-2.0
"""What the tests before and after share: what a stranger tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OF_EVERY_NODE = (
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/pki/kubelet-client-current.pem",
    "/var/lib/kubelet/pki/kubelet.key",
)
OF_CONTROL_PLANES = (
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/etc/kubernetes/pki/ca.key",
    "/etc/kubernetes/pki/etcd/ca.key",
    "/var/lib/etcd",
)


@pytest.fixture
def secrets(host: Any) -> list[str]:
    """Return the paths of this node that root alone should read."""
    more = OF_CONTROL_PLANES if host.backend.get_hostname() == "cp1" else ()
    return [*OF_EVERY_NODE, *more]


@pytest.fixture
def pod_name(host: Any, pods: Callable[[str], dict[str, dict[str, Any]]]) -> str:
    """Return the name of the pod on this node, which its kubelet tells everybody who may list pods."""
    return str(pods("before")[host.backend.get_hostname()]["metadata"]["name"])


@pytest.fixture
def run_url(address: str, pod_name: str) -> str:
    """Return where the kubelet runs a command in that pod: one that prints the pod's name."""
    return f"https://{address}:10250/run/default/{pod_name}/web?cmd=hostname"


@pytest.fixture
def token(kubectl: Callable[..., str]) -> str:
    """Return a token that the cluster knows and that has no rights at all."""
    return kubectl("create", "token", "default").strip()
