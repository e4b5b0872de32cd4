# SPDX-License-Identifier: Apache-2.0
"""The load balancer in front of several control planes: haproxy on a node of its own."""

from __future__ import annotations

from lab.podman import podman, privileged_options
from lab.tarball import File, tar_bytes
from lab.topology import LABEL, Node


def haproxy_config(backends: tuple[Node, ...]) -> str:
    """Return a TCP front for the API servers that asks each one whether it is ready."""
    servers = "\n".join(
        f"    server {node.name} {node.address}:6443 check check-ssl verify none" for node in backends
    )
    return f"""global
    maxconn 2000

defaults
    mode tcp
    timeout connect 2s
    timeout check 2s
    timeout client 10m
    timeout server 10m

frontend apiserver
    bind :6443
    default_backend control_planes

backend control_planes
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 1s fall 2 rise 2 on-marked-down shutdown-sessions
{servers}
"""


def create_balancer(node: Node, image: str, network: str, backends: tuple[Node, ...]) -> None:
    """Make and start the load balancer."""
    podman(
        "create", "--replace", "--name", node.name, "--hostname", node.name, "--label", LABEL,
        "--network", network, "--ip", node.address, *privileged_options(), "--stop-timeout", "2",
        image, "/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/haproxy.cfg",
    )  # fmt: skip
    configuration = File("/etc/haproxy.cfg", haproxy_config(backends).encode())
    podman("cp", "-", f"{node.name}:/", stdin=tar_bytes([configuration]))
    podman("start", node.name)
