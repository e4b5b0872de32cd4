# SPDX-License-Identifier: Apache-2.0
"""Build the kubelet section of a node's facts from the short examples in control files."""

from __future__ import annotations

from typing import Any

import msgspec

from cksharden.cluster import Cluster
from cksharden.facts import NodeFacts
from cksharden.kinds.kubelet_upgrade import INSTANCE_CONFIG

_CONFIG = "/var/lib/kubelet/config.yaml"
_DIRECTORY = "/etc/kubernetes/kubelet.conf.d"
_UNIT = "/usr/lib/systemd/system/kubelet.service"
_DEFAULTS = "/etc/default/kubelet"
_PATCHES = "/etc/kubernetes/patches"
_NODE = "example"
_STARTED = 1000.0


class KubeletExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kubelet in a few words; what is not said is as kubeadm leaves it."""

    config: dict[str, Any] | None = {}
    """The KubeletConfiguration; null: the kubelet is told to read none."""
    drop_ins: dict[str, dict[str, Any]] = {}
    """File name -> KubeletConfiguration."""
    flags: list[str] = []
    """KUBELET_EXTRA_ARGS of /etc/default/kubelet, and of the live process."""
    live_flags: list[str] | None = None
    """The live process's own, where they differ."""
    running: bool = True
    version: str = "v1.37.2"
    config_newer: bool = False
    """The configuration file changed after the process started."""
    error: str | None = None
    """Why the configuration file could not be read."""
    config_map: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    """The cluster's kubelet-config, where it is not the configuration; null: no control plane answered."""
    patches: dict[str, dict[str, Any]] = {}
    """File name -> patch that kubeadm is given for this node."""
    configz: dict[str, Any] | None = None
    """What the kubelet says that it runs with, where a control plane asked it."""


def example_facts(snippet: dict[str, Any]) -> NodeFacts:
    """Return a node whose kubelet is as the snippet says.

    Raises:
        ValueError: the snippet has a key that KubeletExample has not, or a wrong type.
    """
    example = msgspec.convert(snippet, KubeletExample)
    base = [f"--config={_CONFIG}"] if example.config is not None else []
    base += [f"--config-dir={_DIRECTORY}"] if example.drop_ins else []
    start = f"/usr/bin/kubelet {' '.join(base)} $KUBELET_EXTRA_ARGS"
    unit = f"[Service]\nEnvironmentFile=-{_DEFAULTS}\nExecStart={start}\n"
    live = example.flags if example.live_flags is None else example.live_flags
    config = _file(
        msgspec.json.encode(example.config or {}).decode(), _STARTED + (60 if example.config_newer else -60)
    )
    names = sorted(example.drop_ins)
    files = {
        _UNIT: _file(unit),
        _DEFAULTS: _file(f'KUBELET_EXTRA_ARGS="{" ".join(example.flags)}"\n'),
        _CONFIG: config | {"error": example.error},
    }
    files |= {
        f"{_DIRECTORY}/{name}": _file(msgspec.json.encode(example.drop_ins[name]).decode()) for name in names
    }
    files |= {
        f"{_PATCHES}/{name}": _file(msgspec.json.encode(patch).decode())
        for name, patch in example.patches.items()
    }
    process = {"pid": 100, "argv": ["/usr/bin/kubelet", *base, *live], "started": _STARTED}
    data = {
        "node_name": _NODE,
        "version": example.version,
        "unit": {"fragment_path": _UNIT, "drop_in_paths": []},
        "process": process if example.running else None,
        "config_dir_files": [f"{_DIRECTORY}/{name}" for name in names],
        "patches": {
            "directory": _PATCHES,
            "named": True,
            "files": [f"{_PATCHES}/{name}" for name in sorted(example.patches)],
        },
        "files": files | {INSTANCE_CONFIG: {"exists": False, "error": None}},
    }
    section = {"schema": "1.0", "status": "ok", "reason": "", "data": data}
    node = {"schema": "1.0", "status": "ok", "reason": "", "data": {"kind": "worker"}}
    return NodeFacts("example", {"node": node, "kubelet": section}, cluster=_cluster(example))


def _cluster(example: KubeletExample) -> Cluster | str:
    config_map = example.config_map
    if config_map is msgspec.UNSET:
        config_map = None if example.error else example.config or {}
    if config_map is None:
        return "no control plane answered"
    configz = {} if example.configz is None else {_NODE: example.configz}
    text = msgspec.json.encode(config_map).decode()
    return Cluster("control-plane", frozenset({_NODE}), text, None, configz)


def _file(text: str, mtime: float = _STARTED - 60) -> dict[str, Any]:
    return {"exists": True, "error": None, "text": text, "truncated": False, "lossy": False, "mtime": mtime}
