# SPDX-License-Identifier: Apache-2.0
"""The section static_pods of a control plane's facts, for tests of what is made of it."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.unit.node.manifests import API_SERVER, ETCD, small

DIRECTORY = "/etc/kubernetes/manifests"
AUDIT = {
    "name": "cksharden-config",
    "path": "/etc/kubernetes/cksharden",
    "read_only": True,
    "type": "Directory",
}
POLICY = {"path": "/etc/kubernetes/cksharden/audit-1.yaml", "content": "rules: []\n", "mode": "0600"}


def entry(name: str, data: bytes, **changes: Any) -> dict[str, Any]:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    attributes = {"exists": True, "mode": "0600", "uid": 0, "gid": 0, "digest": digest}
    place = {"path": f"{DIRECTORY}/{name}", "name": name, "type": "file", "hidden": name.startswith(".")}
    return {**attributes, **place, "text": data.decode(), **changes}


def section(*more: dict[str, Any]) -> dict[str, Any]:
    entries = [
        entry(".kubelet-keep", b""),
        entry("etcd.yaml", ETCD),
        entry("kube-apiserver.yaml", API_SERVER),
        entry("kube-scheduler.yaml", small("kube-scheduler")),
    ]
    found = sorted([*entries, *more], key=lambda each: each["name"])
    return {"directory": DIRECTORY, "entries": found, "files": {}}
