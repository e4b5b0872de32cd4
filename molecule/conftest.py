# SPDX-License-Identifier: Apache-2.0
"""What the tests of all scenarios share. `host` is testinfra's: a node, over SSH."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab import testing


@pytest.fixture
def address(host: Any) -> str:
    """Return the address of the node, as a stranger would use it."""
    return testing.node(host.backend.get_hostname()).address


@pytest.fixture
def all_nodes() -> list[str]:
    """Return the names of all nodes that run a kubelet, sorted."""
    return sorted(node.name for node in testing.nodes())


@pytest.fixture(scope="session")
def control_plane() -> Any:
    """Return the first control plane."""
    return testinfra.get_host(testing.over_ssh("cp1")[0])


@pytest.fixture
def kubectl(control_plane: Any) -> Callable[..., str]:
    """Return a function that runs kubectl as the administrator and returns what it prints."""

    def run(*words: str) -> str:
        command = " ".join(["kubectl --kubeconfig /etc/kubernetes/admin.conf", *["%s"] * len(words)])
        return str(control_plane.check_output(command, *words))

    return run


@pytest.fixture
def pods(kubectl: Callable[..., str]) -> Callable[[str], dict[str, dict[str, Any]]]:
    """Return a function that returns the pods of a workload by the name of their node."""

    def get(workload: str) -> dict[str, dict[str, Any]]:
        shown = kubectl("get", "pods", "--selector", f"app={workload}", "--output", "json")
        return {pod["spec"]["nodeName"]: pod for pod in json.loads(shown)["items"]}

    return get


@pytest.fixture
def in_pod(
    host: Any, kubectl: Callable[..., str], pods: Callable[[str], dict[str, dict[str, Any]]]
) -> Callable[..., str]:
    """Return a function that runs a command in the pod of a workload on this node."""

    def run(workload: str, *command: str) -> str:
        pod = pods(workload)[host.backend.get_hostname()]
        return kubectl("exec", pod["metadata"]["name"], "--", *command)

    return run


@pytest.fixture
def is_readable(host: Any) -> Callable[[str], bool]:
    """Return a function that tells whether an account without any rights reads a path of the node."""

    def read(path: str) -> bool:
        # A directory is read where it can be listed.
        reading = host.run(
            "setpriv --reuid=65534 --regid=65534 --clear-groups find %s -maxdepth 0 -readable -print", path
        )
        return bool(reading.stdout.strip() == path)

    return read


@pytest.fixture
def serving(control_plane: Any, pods: Callable[[str], dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the pods from before, by the name of their node: who they are and what they serve."""
    return [_identity(control_plane, pod) for _, pod in sorted(pods("before").items())]


def _identity(control_plane: Any, pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["status"]["containerStatuses"]
    url = f"http://{pod['status']['podIP']}:8080"
    return {
        "node": pod["spec"]["nodeName"],
        "uid": pod["metadata"]["uid"],
        "restarts": container["restartCount"],
        "container": container["containerID"],
        "serves": control_plane.check_output("curl --silent --fail --max-time 5 %s", url),
    }


@pytest.fixture
def noted() -> Path:
    """Return the file in which the pods before are noted for the tests after."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "pods.json"


@pytest.fixture
def pids_limit(host: Any, pods: Callable[[str], dict[str, dict[str, Any]]]) -> Callable[[str], str]:
    """Return a function that returns the limit of processes that the pod of a workload has on this node."""

    def read(workload: str) -> str:
        uid = pods(workload)[host.backend.get_hostname()]["metadata"]["uid"].replace("-", "_")
        return str(
            host.check_output("find /sys/fs/cgroup -path %s -exec cat {} +", f"*pod{uid}.slice/pids.max")
        )

    return read
