# SPDX-License-Identifier: Apache-2.0
"""What the tests before and after share: how a kubelet is asked, and the workload's identity."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Runs on the node, over SSH: the version of TLS that its kubelet agrees to, or "refused".
HANDSHAKE = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = context.maximum_version = ssl.TLSVersion[sys.argv[1]]
try:
    with socket.create_connection(("127.0.0.1", 10250), timeout=5) as plain:
        with context.wrap_socket(plain) as secure:
            print(secure.version())
except ssl.SSLError:
    print("refused")
"""


@pytest.fixture
def handshake(host: Any) -> Callable[[str], str]:
    """Return a function that offers the node's kubelet one version of TLS and returns its answer."""

    def offer(version: str) -> str:
        return str(host.check_output("/usr/bin/python3 -c %s %s", HANDSHAKE, version))

    return offer


@pytest.fixture
def workload(host: Any) -> list[dict[str, Any]]:
    """Return the pods of the workload as a control plane sees them, each with what it serves."""
    command = "kubectl --kubeconfig /etc/kubernetes/admin.conf get pods --selector app=before --output json"
    pods = json.loads(host.check_output(command))["items"]
    return [identity(host, pod) for pod in sorted(pods, key=lambda pod: pod["spec"]["nodeName"])]


def identity(host: Any, pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["status"]["containerStatuses"]
    address = pod["status"]["podIP"]
    return {
        "node": pod["spec"]["nodeName"],
        "uid": pod["metadata"]["uid"],
        "restarts": container["restartCount"],
        "container": container["containerID"],
        "serves": host.check_output("curl --silent --fail --max-time 5 http://%s:8080", address),
    }


@pytest.fixture
def noted() -> Path:
    """Return the file in which the workload before is noted for the tests after."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "workload.json"
