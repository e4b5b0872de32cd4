# SPDX-License-Identifier: Apache-2.0
"""Make one cluster of booted nodes, and wait until it works."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

from lab.errors import LabError
from lab.kubeadm import Document, Secrets, as_yaml, init_documents, join_documents
from lab.network import KUBECTL, connect_pods
from lab.nodes import for_each
from lab.podman import execute
from lab.progress import step
from lab.tarball import File, tar_bytes
from lab.topology import Node, cluster_nodes, control_planes, endpoint

READY_SECONDS = 120
_CONFIG = "/root/kubeadm.yaml"
# The first address of kubeadm's default service range is the API server's Service.
_API_SERVICE = "https://10.96.0.1/readyz"


def form_cluster(topology: str, kubernetes: str) -> None:
    """Initialise the first control plane and join the other nodes to it."""
    first, *others = control_planes(topology)
    workers = [node for node in cluster_nodes(topology) if node.role == "worker"]
    drawn = Secrets.fresh()
    address = endpoint(topology)
    with step(f"kubeadm init on {first.name}"):
        documents = init_documents(first, kubernetes, address, drawn)
        upload = ["--upload-certs"] if others else []
        printed = _kubeadm(first, ["init", *upload], documents)
        found = re.search(r"sha256:[0-9a-f]{64}", printed)
        if found is None:
            raise LabError("kubeadm init printed no hash of the cluster's CA")

    def connect() -> None:
        with step(f"pod network of {first.name}"):
            connect_pods(first, (first,))

    def join(node: Node) -> None:
        to = address or f"{first.address}:6443"
        with step(f"kubeadm join of {node.name}"):
            _kubeadm(node, ["join"], join_documents(node, to, found.group(), drawn))

    # etcd takes one new member at a time; workers join beside it, and the first node gets its pod
    # network, which the controller manager takes some seconds to give out.
    with ThreadPoolExecutor(max_workers=2) as pool:
        beside = [pool.submit(connect), pool.submit(for_each, workers, join)]
        for node in others:
            join(node)
        for done in beside:
            done.result()
    with step("pod network of all nodes"):
        connect_pods(first, cluster_nodes(topology))


def wait_working(topology: str, seconds: float = READY_SECONDS) -> None:
    """Wait until every node is Ready, CoreDNS and kube-proxy run and each node reaches a Service.

    Raises:
        LabError: Not within that time; with what the cluster says about its nodes and pods.
    """
    first = control_planes(topology)[0]
    deadline = time.monotonic() + seconds
    nodes = cluster_nodes(topology)
    kubectl = " ".join(KUBECTL)
    limit = f"--timeout={seconds:.0f}s"
    script = " && ".join(
        [
            f"until {kubectl} get --raw /readyz >/dev/null 2>&1; do sleep 0.5; done",
            f"{kubectl} wait --for=condition=Ready {limit} {' '.join(f'node/{node.name}' for node in nodes)}",
            f"{kubectl} --namespace kube-system rollout status {limit} daemonset/kube-proxy",
            f"{kubectl} --namespace kube-system rollout status {limit} deployment/coredns",
        ]
    )
    done = execute(first.name, ["timeout", f"{seconds:.0f}", "/bin/sh", "-c", script], expect=None)
    if done.returncode != 0:
        shown = execute(first.name, [*KUBECTL, "get", "nodes,pods", "--all-namespaces"], expect=None)
        raise LabError(f"the cluster is not ready after {seconds:.0f} s\n{shown.stdout}{shown.stderr}")

    def reach(node: Node) -> None:
        left = max(deadline - time.monotonic(), 5)
        script = f"until curl --insecure --silent --fail --max-time 3 {_API_SERVICE}; do sleep 0.5; done"
        done = execute(node.name, ["timeout", f"{left:.0f}", "/bin/sh", "-c", script], expect=None)
        if done.returncode != 0:
            raise LabError(f"{node.name} does not reach the Service of the API server ({_API_SERVICE})")

    for_each(nodes, reach)


def served_version(topology: str) -> str:
    """Return the version of Kubernetes that the first control plane serves; an upgrade changes it."""
    told = execute(control_planes(topology)[0].name, [*KUBECTL, "get", "--raw", "/version"]).stdout
    return str(json.loads(told)["gitVersion"]).removeprefix("v")


def _kubeadm(node: Node, words: list[str], documents: list[Document]) -> str:
    execute(
        node.name,
        ["tar", "--extract", "--directory", "/"],
        stdin=tar_bytes([File(_CONFIG, as_yaml(documents), 0o600)]),
    )
    return execute(node.name, ["kubeadm", *words, "--config", _CONFIG], timeout=300).stdout
