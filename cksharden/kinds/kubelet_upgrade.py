# SPDX-License-Identifier: Apache-2.0
"""What a kubelet's configuration will be after the next `kubeadm upgrade node`.

kubeadm writes /var/lib/kubelet/config.yaml anew: the ConfigMap kubelet-config with its own defaults,
then the patches for kubeletconfiguration, then instance-config.yaml (kubernetes,
cmd/kubeadm/app/phases/kubelet/config.go, WriteConfigToDisk). It leaves drop-ins and flags alone.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import CommandLine, text_of
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_options import (
    DEFAULT_CONFIG,
    Document,
    Setting,
    configuration,
    drop_ins,
    merged,
    parse_configuration,
    read_document,
)
from cksharden.cluster import Cluster
from cksharden.facts import NodeFacts, Unknown

CONFIG_MAP = "the ConfigMap kubelet-config"
INSTANCE_CONFIG = "/var/lib/kubelet/instance-config.yaml"

# kubernetes, cmd/kubeadm/app/componentconfigs/kubelet.go, Default().
_DEFAULTS: Document = (
    "kubeadm's default",
    """
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization: {mode: Webhook}
healthzBindAddress: 127.0.0.1
staticPodPath: /etc/kubernetes/manifests
""",
)
_FORCED: Document = ("kubeadm, which always sets it", "rotateCertificates: true")
_PATCH_TYPE = re.compile(r"kubeletconfiguration[^.+\n]*\+?(json)?")


def after_upgrade(facts: NodeFacts, line: CommandLine, key: str) -> dict[str, Setting]:
    """Return the settings of the configuration that a kubelet with this command line will then read.

    Only what is certain for `key` is asked for: where a drop-in sets it, the cluster does not matter.

    Raises:
        Unknown: the cluster's facts can't say it.
        OptionsError: a file can't be read or understood.
    """
    section = facts.section("kubelet")
    config = line.last("config")
    if config is None or posixpath.normpath(config.value) != DEFAULT_CONFIG:
        return configuration(section, line)  # kubeadm writes no other file
    own = tuple(read_document(section, path) for path in drop_ins(section, line))
    certain = merged(own)
    return certain if key in certain else merged((*facts.once(_written), *own))


def cluster_of(facts: NodeFacts) -> tuple[Cluster, str]:
    """Return the cluster of a node, and the node's name there.

    Raises:
        Unknown: nothing is known of it, or the control planes disagree about this node.
    """
    cluster = facts.cluster
    if isinstance(cluster, str):
        raise Unknown(cluster)
    name = facts.section("kubelet").get("node_name")
    if not isinstance(name, str) or name not in cluster.nodes:
        raise Unknown(f"the cluster of {cluster.source} has no node {name}")
    if f"node {name}" in cluster.disputed:
        raise Unknown(cluster.disputed[f"node {name}"])
    return cluster, name


def _written(facts: NodeFacts) -> list[Document]:
    """Return what kubeadm merges into config.yaml."""
    cluster, _name = cluster_of(facts)
    if "kubelet-config" in cluster.disputed:
        raise Unknown(cluster.disputed["kubelet-config"])
    if cluster.kubelet_config is None:
        raise Unknown(f"{CONFIG_MAP} is not there")
    section = facts.section("kubelet")
    documents = [_DEFAULTS, (CONFIG_MAP, cluster.kubelet_config), _FORCED, *_patches(section)]
    if text_of(section, INSTANCE_CONFIG) is not None:
        documents.append(_patch(section, INSTANCE_CONFIG))
    return documents


def _patches(section: dict[str, Any]) -> list[Document]:
    found = section["patches"]
    if found["files"] and not found["named"]:
        raise Unknown(
            f"the next upgrade may or may not be given {', '.join(found['files'])}: name their directory as "
            'kubeadm_patches_dir in the inventory, or "" if they are not used'
        )
    return [_patch(section, path) for path in found["files"]]


def _patch(section: dict[str, Any], path: str) -> Document:
    match = _PATCH_TYPE.match(posixpath.basename(path))
    document = read_document(section, path)
    if (match and match[1]) or not _is_plain(parse_configuration(document[1], path)):
        raise Unknown(f"{path} does more than set values, which is not worked out here")
    return document


def _is_plain(data: Any) -> bool:
    """Say whether a merge patch only sets values: null deletes a key, and $patch and its like direct."""
    if isinstance(data, dict):
        return all(not key.startswith("$") and _is_plain(value) for key, value in data.items())
    return data is not None
