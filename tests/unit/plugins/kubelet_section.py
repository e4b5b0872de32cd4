# SPDX-License-Identifier: Apache-2.0
"""A kubelet section of facts as the kubeadm packages leave a node."""

from __future__ import annotations

from typing import Any

UNIT = "/usr/lib/systemd/system/kubelet.service"
KUBEADM = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
OWN = "/etc/systemd/system/kubelet.service.d/20-own.conf"
DEFAULTS = "/etc/default/kubelet"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
CONFIG = "/var/lib/kubelet/config.yaml"
INSTANCE = "/var/lib/kubelet/instance-config.yaml"
DIRECTORY = "/etc/kubernetes/kubelet.conf.d"


CONFIG_TEXT = "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n"


def entry(text: str, mtime: float = 100.0) -> dict[str, Any]:
    return {"exists": True, "error": None, "text": text, "truncated": False, "lossy": False, "mtime": mtime}


def section(**changes: Any) -> dict[str, Any]:
    """A kubelet as the kubeadm packages set it up, with files replaced by `changes["files"]`."""
    files = {
        UNIT: entry("[Unit]\nExecStart=/bin/no\n[Service]\nExecStart=/usr/bin/kubelet\n"),
        KUBEADM: entry(
            "[Service]\n"
            'Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"\n'
            "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\n"
            "EnvironmentFile=-/etc/default/kubelet\n"
            "ExecStart=\n"
            "ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS \\\n  $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n"
        ),
        FLAGS: entry('KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --v 2"\n'),
        DEFAULTS: entry("# a comment\nKUBELET_EXTRA_ARGS=\n"),
        CONFIG: entry(CONFIG_TEXT),
        INSTANCE: entry("containerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n"),
    }
    files |= changes.pop("files", {})
    data: dict[str, Any] = {
        "node_name": "w1",
        "version": "v1.37.2",
        "unit": {"fragment_path": UNIT, "drop_in_paths": [KUBEADM]},
        "process": {"pid": 7, "argv": ["kubelet", f"--config={CONFIG}"], "started": 200.0},
        "config_dir_files": [],
        "patches": {"directory": "/etc/kubernetes/patches", "named": False, "files": []},
        "files": files,
    }
    return data | changes
