# SPDX-License-Identifier: Apache-2.0
"""The cluster is whole, and the pods from before are the same, never restarted, and still serve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1")
READY = (
    'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
)


def test_pods_never_stopped(serving: list[dict[str, Any]], noted: Path) -> None:
    assert serving == json.loads(noted.read_text(encoding="utf-8"))


def test_every_node_is_ready(kubectl: Callable[..., str], all_nodes: list[str]) -> None:
    shown = kubectl("get", "nodes", "--output", READY)
    assert dict(line.split() for line in shown.splitlines()) == dict.fromkeys(all_nodes, "True")


def test_every_pod_of_the_system_is_ready(kubectl: Callable[..., str]) -> None:
    pods = json.loads(kubectl("--namespace", "kube-system", "get", "pods", "--output", "json"))["items"]
    unready = [
        pod["metadata"]["name"]
        for pod in pods
        if not all(container["ready"] for container in pod["status"]["containerStatuses"])
    ]
    assert pods
    assert unready == []


def test_the_api_server_reaches_every_kubelet(
    kubectl: Callable[..., str], pods: Callable[[str], dict[str, dict[str, Any]]], all_nodes: list[str]
) -> None:
    names = [pods("before")[node]["metadata"]["name"] for node in all_nodes]
    assert [kubectl("exec", name, "--", "hostname").strip() for name in names] == names
