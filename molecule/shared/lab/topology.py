# SPDX-License-Identifier: Apache-2.0
"""Names and addresses: which nodes a lab has and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["control_plane", "worker", "load_balancer"]

LABEL = "cksharden.lab"

# Nodes and pods share one podman subnet. Docker's hosts pass bridged packets through a
# forward chain that drops (bridge-nf-call-iptables), and podman opens it for its subnet alone.
SUBNET = "10.213.0.0/16"
GATEWAY = "10.213.0.1"
NODE_RANGE = "10.213.0.0/24"
POD_SUBNET = "10.213.128.0/17"


@dataclass(frozen=True)
class Node:
    """One machine of the lab; its name is also its host name and its container's."""

    name: str
    role: Role
    address: str


LOAD_BALANCER = Node("lb", "load_balancer", "10.213.0.10")
_CP1 = Node("cp1", "control_plane", "10.213.0.11")
_CP2 = Node("cp2", "control_plane", "10.213.0.12")
_CP3 = Node("cp3", "control_plane", "10.213.0.13")
_W1 = Node("w1", "worker", "10.213.0.21")

TOPOLOGIES: dict[str, tuple[Node, ...]] = {
    "single": (_CP1, _W1),
    "ha": (LOAD_BALANCER, _CP1, _CP2, _CP3, _W1),
}
DEFAULT_TOPOLOGY = "single"


def cluster_nodes(topology: str) -> tuple[Node, ...]:
    """Return the nodes that run a kubelet, the first control plane first."""
    return tuple(node for node in TOPOLOGIES[topology] if node.role != "load_balancer")


def control_planes(topology: str) -> tuple[Node, ...]:
    """Return the control-plane nodes, the one that `kubeadm init` runs on first."""
    return tuple(node for node in TOPOLOGIES[topology] if node.role == "control_plane")


def endpoint(topology: str) -> str | None:
    """Return the cluster's own endpoint (address:port), None where it is its one control plane."""
    return f"{LOAD_BALANCER.address}:6443" if LOAD_BALANCER in TOPOLOGIES[topology] else None
