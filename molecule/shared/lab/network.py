# SPDX-License-Identifier: Apache-2.0
"""The pod network: reference plugins on each node, and the routes between nodes."""

from __future__ import annotations

import json
import time

from lab.errors import LabError
from lab.nodes import for_each
from lab.podman import execute
from lab.tarball import File, tar_bytes
from lab.topology import Node

KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
RANGE_SECONDS = 30


def conflist(pod_range: str) -> str:
    """Return the CNI configuration of a node whose pods have addresses of this range."""
    ptp = {
        "type": "ptp",
        "ipMasq": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pod_range}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    network = {"cniVersion": "1.0.0", "name": "lab", "plugins": [ptp, portmap]}
    return json.dumps(network, indent=2) + "\n"


def routes(own: str, ranges: dict[str, str], nodes: tuple[Node, ...]) -> str:
    """Return the `ip -batch` lines by which one node reaches the pods of the others."""
    addresses = {node.name: node.address for node in nodes}
    others = sorted(set(ranges) - {own})
    return "".join(f"route replace {ranges[name]} via {addresses[name]}\n" for name in others)


def connect_pods(first: Node, nodes: tuple[Node, ...]) -> None:
    """Give these nodes, which have joined, their pod network.

    Args:
        first: A control plane to ask which range the controller manager gave to each node.
    """
    ranges = _pod_ranges(first, {node.name for node in nodes})

    def connect(node: Node) -> None:
        files = [
            File("/etc/cni/net.d/10-lab.conflist", conflist(ranges[node.name]).encode()),
            File("/etc/pod-routes", routes(node.name, ranges, nodes).encode()),
        ]
        script = "tar --extract --directory / && systemctl restart pod-routes"
        execute(node.name, ["/bin/sh", "-c", script], stdin=tar_bytes(files))

    for_each(nodes, connect)


def _pod_ranges(first: Node, names: set[str]) -> dict[str, str]:
    query = r'jsonpath={range .items[*]}{.metadata.name} {.spec.podCIDR}{"\n"}{end}'
    deadline = time.monotonic() + RANGE_SECONDS
    while True:
        listed = execute(first.name, [*KUBECTL, "get", "nodes", "--output", query], expect=frozenset({0, 1}))
        ranges = dict(line.split() for line in listed.stdout.splitlines() if len(line.split()) == 2)
        missing = sorted(names - set(ranges))
        if not missing:
            return {name: ranges[name] for name in names}
        if time.monotonic() > deadline:
            raise LabError(f"no pod range for {', '.join(missing)} after {RANGE_SECONDS} s")
        time.sleep(0.3)
