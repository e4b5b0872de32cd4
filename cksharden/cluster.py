# SPDX-License-Identifier: Apache-2.0
"""What the control planes say of their cluster: the first whole answer counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.controller import told as told_holder


class _Text(msgspec.Struct, frozen=True):
    resource_version: str
    text: str


class _Node(msgspec.Struct, frozen=True):
    name: str
    uid: str
    control_plane: bool = False


class _Configz(msgspec.Struct, frozen=True):
    config: dict[str, Any] | None = None
    error: str = ""


class _Holder(msgspec.Struct, frozen=True):
    run: str
    host: str
    pid: int
    since: str


class _Lease(msgspec.Struct, frozen=True):
    holder: _Holder


class _Section(msgspec.Struct, frozen=True):
    """The section `cluster` of a control plane's facts, as far as it is judged."""

    nodes: tuple[_Node, ...]
    configz: dict[str, _Configz]
    kubelet_config: _Text | None = None
    kubeadm_config: _Text | None = None
    lease: _Lease | None = None

    @property
    def uids(self) -> dict[str, str]:
        return {node.name: node.uid for node in self.nodes}


@dataclass(frozen=True)
class Cluster:
    """The cluster, as one control plane saw it."""

    source: str
    """The control plane."""
    nodes: frozenset[str]
    kubelet_config: str | None
    """The KubeletConfiguration of the ConfigMap kubelet-config; None where there is no such ConfigMap."""
    kubeadm_config: str | None
    """The ClusterConfiguration of the ConfigMap kubeadm-config."""
    configz: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Node -> the KubeletConfiguration that it runs with, where it told it to any control plane."""
    disputed: Mapping[str, str] = field(default_factory=dict)
    """"kubelet-config", "kubeadm-config" or "node NAME" -> how the control planes disagree about it."""
    notes: tuple[str, ...] = ()
    """What a report has to say of the control planes."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A file that an option names -> the hosts that have it."""
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Control plane -> what begins the stored secrets that its file lets it read, the writer's first."""
    planes: frozenset[str] = frozenset()
    """The control planes, by the names of their Nodes."""


def assemble(told: Mapping[str, dict[str, Any] | str]) -> Cluster | str:
    """Return the cluster, or the reason why nothing is known of it.

    Args:
        told: control plane -> the data of its section `cluster`, or why there is none.
    """
    read = {host: _read(data) for host, data in sorted(told.items())}
    whole = {host: one for host, one in read.items() if not isinstance(one, str)}
    silent = {host: one for host, one in read.items() if isinstance(one, str)}
    if not whole:
        reasons = "; ".join(f"{host}: {reason}" for host, reason in silent.items())
        return f"no control plane told of the cluster ({reasons or 'none was asked'})"
    source, first = next(iter(whole.items()))
    disputed = _disputed(whole)
    return Cluster(
        source,
        frozenset(first.uids),
        _text(first.kubelet_config),
        _text(first.kubeadm_config),
        _configz(whole),
        disputed,
        tuple(
            [f"{reason}; what {source} says counts" for reason in disputed.values()]
            + _absent(whole)
            + _held(whole)
            + [f"{host} tells nothing of the cluster: {reason}" for host, reason in silent.items()]
        ),
        planes=frozenset(node.name for node in first.nodes if node.control_plane),
    )


def _read(data: dict[str, Any] | str) -> _Section | str:
    if isinstance(data, str):
        return data
    try:
        return msgspec.convert(data, _Section)
    except msgspec.ValidationError as error:
        return f"its section 'cluster' is not as it should be: {error}"


def _configz(whole: Mapping[str, _Section]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for one in whole.values():
        for node, answer in one.configz.items():
            if answer.config is not None:
                found.setdefault(node, answer.config)
    return found


def _disputed(whole: Mapping[str, _Section]) -> dict[str, str]:
    said: dict[str, dict[str, str | None]] = {
        "kubelet-config": {host: _text(one.kubelet_config) for host, one in whole.items()},
        "kubeadm-config": {host: _text(one.kubeadm_config) for host, one in whole.items()},
    }
    for name in _everybody(whole):
        said[f"node {name}"] = {host: one.uids[name] for host, one in whole.items() if name in one.uids}
    return {
        part: f"{' and '.join(values)} disagree about {part}"
        for part, values in said.items()
        if len(set(values.values())) > 1
    }


def _text(config_map: _Text | None) -> str | None:
    return None if config_map is None else config_map.text


def _everybody(whole: Mapping[str, _Section]) -> list[str]:
    return sorted({name for one in whole.values() for name in one.uids})


def _absent(whole: Mapping[str, _Section]) -> list[str]:
    """Say which nodes some control planes know and others don't: a matter of moments, or two clusters."""
    lacking = {host: sorted(set(_everybody(whole)) - set(one.uids)) for host, one in whole.items()}
    return [f"{host} knows no node {', '.join(names)}, others do" for host, names in lacking.items() if names]


def _held(whole: Mapping[str, _Section]) -> list[str]:
    """Say who holds the lock of the cluster: what was collected meanwhile may be half changed."""
    holders = {told_holder(msgspec.structs.asdict(one.lease.holder)) for one in whole.values() if one.lease}
    return [f"{holder} holds the lock of this cluster, and may be changing it" for holder in sorted(holders)]
