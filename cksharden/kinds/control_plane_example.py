# SPDX-License-Identifier: Apache-2.0
"""Build the facts of a control plane from the short examples in control files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cksharden.facts import NodeFacts

DIRECTORY = "/etc/kubernetes/manifests"
_PKI = "/etc/kubernetes/pki"
_STARTED = 1000.0
_VERSION = "v1.37.2"

Options = dict[str, str | list[str] | None]

# What kubeadm 1.37 writes, as far as controls ask for it.
_KUBEADM: dict[str, Options] = {
    "kube-apiserver": {
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{_PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "etcd-cafile": f"{_PKI}/etcd/ca.crt",
        "etcd-certfile": f"{_PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{_PKI}/apiserver-etcd-client.key",
        "kubelet-client-certificate": f"{_PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{_PKI}/apiserver-kubelet-client.key",
        "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{_PKI}/sa.pub",
        "tls-cert-file": f"{_PKI}/apiserver.crt",
        "tls-private-key-file": f"{_PKI}/apiserver.key",
    },
    "kube-controller-manager": {
        "bind-address": "127.0.0.1",
        "root-ca-file": f"{_PKI}/ca.crt",
        "service-account-private-key-file": f"{_PKI}/sa.key",
        "use-service-account-credentials": "true",
    },
    "kube-scheduler": {"bind-address": "127.0.0.1"},
    "etcd": {
        "cert-file": f"{_PKI}/etcd/server.crt",
        "client-cert-auth": "true",
        "feature-gates": "InitialCorruptCheck=true",
        "key-file": f"{_PKI}/etcd/server.key",
        "peer-cert-file": f"{_PKI}/etcd/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{_PKI}/etcd/peer.key",
        "peer-trusted-ca-file": f"{_PKI}/etcd/ca.crt",
        "trusted-ca-file": f"{_PKI}/etcd/ca.crt",
    },
}
_DOCUMENTS = "/etc/kubernetes/cksharden"
_MOUNTS = (_PKI, _DOCUMENTS, "/var/log/kubernetes/audit")


class ControlPlaneExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A component in a few words; what is not said is as kubeadm leaves it."""

    options: Options = {}
    """Options of the manifest beside kubeadm's; a list is repeated, null is gone."""
    live: Options = {}
    """Those of the live process, where they differ from the manifest's."""
    rendered: Options | None = {}
    """Those that kubeadm would write, where they differ; null: it could not be asked."""
    running: bool = True
    there: bool = True
    """Whether the component has a manifest here."""
    version: str = _VERSION
    env: dict[str, str] = {}
    files: dict[str, Any] = {}
    """Path -> a document; a text is taken as it is, null is a file that is not there."""
    newer: bool = False
    """The files changed after the process started."""
    mode: str = "0600"
    """Of the files."""
    mounted: bool = True
    """Whether the directories of cksharden are mounted."""
    error: str | None = None
    """Why the manifest could not be read."""
    strays: dict[str, Any] = {}
    """Other entries of the manifests directory: name -> the name of a pod, or a text."""


def example_facts(snippet: dict[str, Any], *components: str) -> NodeFacts:
    """Return a control plane on which the components are as the snippet says.

    Raises:
        ValueError: the snippet has a key that ControlPlaneExample has not, or a wrong type.
    """
    example = msgspec.convert(snippet, ControlPlaneExample)
    there = components if example.there else ()
    options = {name: _KUBEADM[name] | example.options for name in there}
    entries = [_entry(f"{name}.yaml", _manifest(name, options[name], example), example) for name in there]
    for name, said in example.strays.items():
        entries.append(_stray(name, said))
    processes = {
        name: [{"pid": 100, "argv": _argv(name, options[name] | example.live), "started": _STARTED}]
        for name in there
        if example.running
    }
    static_pods = {
        "directory": DIRECTORY,
        "entries": sorted(entries, key=lambda entry: str(entry["name"])),
        "processes": processes,
        "files": {path: _file(path, said, example) for path, said in example.files.items()},
    }
    sections = {
        "node": _section({"kind": "control_plane"}),
        "kubelet": _section({"version": _VERSION}),
        "static_pods": _section(static_pods),
    }
    rendered = example.rendered
    if rendered is None:
        sections["rendered"] = {"schema": "1.0", "status": "failed", "reason": "no kubeadm on this node"}
    else:
        texts = {name: {"text": _manifest(name, options[name] | rendered, example)} for name in there}
        sections["rendered"] = _section({"kubernetes_version": example.version, "manifests": texts})
    return NodeFacts("example", sections)


def with_document(snippet: dict[str, Any], option: str, head: dict[str, str]) -> dict[str, Any]:
    """Return the snippet with its document as a file that an option names."""
    if "document" not in snippet:
        return snippet
    path = f"{_DOCUMENTS}/{option}.yaml"
    said = snippet["document"]
    document = head | said if isinstance(said, dict) else said
    rest = {key: value for key, value in snippet.items() if key != "document"}
    return rest | {
        "options": {option: path} | snippet.get("options", {}),
        "files": {path: document} | snippet.get("files", {}),
    }


def _argv(component: str, options: Mapping[str, str | list[str] | None]) -> list[str]:
    values = {name: said if isinstance(said, list) else [said] for name, said in options.items()}
    return [
        component,
        *(f"--{name}={one}" for name, said in values.items() for one in said if one is not None),
    ]


def _manifest(
    component: str, options: Mapping[str, str | list[str] | None], example: ControlPlaneExample
) -> str:
    mounts = _MOUNTS if example.mounted else (_PKI,)
    container = {
        "name": component,
        "image": f"registry.k8s.io/{component}:{example.version}",
        "command": _argv(component, options),
        "env": [{"name": name, "value": value} for name, value in example.env.items()],
        "volumeMounts": [{"name": f"v{index}", "mountPath": path} for index, path in enumerate(mounts)],
    }
    volumes = [{"name": f"v{index}", "hostPath": {"path": path}} for index, path in enumerate(mounts)]
    return _pod(component, {"containers": [container], "volumes": volumes})


def _pod(name: str, spec: dict[str, Any]) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": spec,
    }
    return msgspec.json.encode(pod).decode()


def _entry(name: str, text: str, example: ControlPlaneExample) -> dict[str, Any]:
    path = f"{DIRECTORY}/{name}"
    unread = example.error is not None
    return {
        "name": name,
        "path": path,
        "exists": True,
        "type": "file",
        "text": None if unread else text,
        "error": example.error,
    }


def _stray(name: str, said: Any) -> dict[str, Any]:
    """Return an entry whose text is a pod of that name where a word is said, and what is said elsewhere."""
    text = str(said)
    if text.replace("-", "").isalnum():
        text = _pod(text, {"containers": [{"name": text, "command": [text]}]})
    return {"name": name, "path": f"{DIRECTORY}/{name}", "exists": True, "type": "file", "text": text}


def _file(path: str, said: Any, example: ControlPlaneExample) -> dict[str, Any]:
    if said is None:
        return {"path": path, "exists": False}
    return {
        "path": path,
        "exists": True,
        "type": "file",
        "mode": example.mode,
        "mtime": _STARTED + (60 if example.newer else -60),
        "text": said if isinstance(said, str) else msgspec.json.encode(said).decode(),
    }


def _section(data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "1.0", "status": "ok", "reason": "", "data": data}
