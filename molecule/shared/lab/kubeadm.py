# SPDX-License-Identifier: Apache-2.0
"""kubeadm's configuration: its own defaults, and what this machine forces on top."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from lab.host import has_cgroup_v2, has_swap
from lab.topology import POD_SUBNET, Node

_API = "kubeadm.k8s.io/v1beta4"
Document = dict[str, object]


@dataclass(frozen=True)
class Secrets:
    """What joining nodes prove themselves with, made anew for each cluster."""

    token: str
    certificate_key: str

    @classmethod
    def fresh(cls) -> Secrets:
        """Draw new ones, in the forms that kubeadm asks for."""
        return cls(f"{secrets.token_hex(3)}.{secrets.token_hex(8)}", secrets.token_hex(32))


def init_documents(node: Node, kubernetes: str, endpoint: str | None, drawn: Secrets) -> list[Document]:
    """Return the configuration of `kubeadm init`.

    Args:
        endpoint: The cluster's own address:port, None where it is that of its one control plane.
    """
    cluster: Document = {
        "apiVersion": _API,
        "kind": "ClusterConfiguration",
        "kubernetesVersion": f"v{kubernetes}",
        "networking": {"podSubnet": POD_SUBNET},
    }
    init: Document = {
        "apiVersion": _API,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"token": drawn.token}],
        "localAPIEndpoint": {"advertiseAddress": node.address},
        "nodeRegistration": _registration(node),
    }
    if endpoint is not None:
        cluster["controlPlaneEndpoint"] = endpoint
        init["certificateKey"] = drawn.certificate_key
    return [init, cluster, _kubelet_document(), _proxy_document()]


def join_documents(node: Node, endpoint: str, ca_hash: str, drawn: Secrets) -> list[Document]:
    """Return the configuration of `kubeadm join` for a worker or another control plane."""
    join: Document = {
        "apiVersion": _API,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {"apiServerEndpoint": endpoint, "token": drawn.token, "caCertHashes": [ca_hash]}
        },
        "nodeRegistration": _registration(node),
    }
    if node.role == "control_plane":
        join["controlPlane"] = {
            "certificateKey": drawn.certificate_key,
            "localAPIEndpoint": {"advertiseAddress": node.address},
        }
    return [join]


def as_yaml(documents: list[Document]) -> bytes:
    """Return documents as one stream; JSON is YAML."""
    return "".join(f"---\n{json.dumps(document, indent=2)}\n" for document in documents).encode()


def ignored_preflight_errors() -> list[str]:
    """Return the checks of kubeadm that no node on this machine can pass."""
    # A container has no kernel of its own to show the configuration of, and on cgroup v1 that
    # check refuses outright. Swap is the host's, which the node cannot switch off.
    return ["SystemVerification", *(["Swap"] if has_swap() else [])]


def _registration(node: Node) -> Document:
    # No registry is reached: the images are in containerd's directory from the start.
    ignored = ignored_preflight_errors()
    return {"name": node.name, "imagePullPolicy": "Never", "ignorePreflightErrors": ignored}


def _kubelet_document() -> Document:
    # Past 85 % of the host's disk a kubelet removes images, and no registry could bring them back.
    forced: Document = {"imageGCHighThresholdPercent": 100}
    if not has_cgroup_v2():
        forced["failCgroupV1"] = False  # kubelets of 1.35 and later refuse such a host otherwise
    if has_swap():
        forced["failSwapOn"] = False
    return {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **forced}


def _proxy_document() -> Document:
    # nf_conntrack_max cannot be raised from inside a network namespace, and kube-proxy exits over it.
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "conntrack": {"maxPerCore": 0},
    }
