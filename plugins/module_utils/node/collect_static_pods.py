# SPDX-License-Identifier: GPL-3.0-or-later
"""The static pods of a control plane: what lies in their directory, what runs, and the files they name."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

from .background import Background
from .component_files import describe_all, host_paths, on_host
from .components import COMPONENTS, RELOADED
from .etcd_api import Etcd, EtcdError, client_url, health_check
from .kubeapi import ADMIN, MANIFEST, Api, ApiError, own_server
from .loaded import loaded
from .processes import in_pods
from .read_files import Files
from .safe_read import Entry, ReadError, describe, read_bytes
from .text import plain
from .value_beginning import count

Data = dict[str, Any]

DIRECTORY = "/etc/kubernetes/manifests"
"""kubeadm's, where the kubelet is told of none."""
_API_SECONDS = 5
"""Patience with the API server in all; what it has loaded is asked only where it reloads anything."""
_ETCD_SECONDS = 3
_STORED_SECONDS = 15
"""Patience with etcd's list of secrets, which takes long only where there are thousands."""

_FLAG = re.compile(r"""(?:^|[\s"'=\0])--?pod[-_]manifest[-_]path(?:=|[ \t]+|\0)["']?(/[^\s"'\0]*)""")
_KEY = re.compile(r"""\bstaticPodPath["']?[ \t]*:[ \t]*["']?(/[^\s"',}]*)""")
_CONFIG = re.compile(r"""\0--config(?:=|\0)([^\0]+)""")


def collect(request: Data, kubelet: Data, kubeadm: Data | None) -> Data:
    """Return the section `static_pods`.

    kubelet is the data of the section of that name, {} for none; kubeadm what kubeadm_render.look() found.
    """
    limits = request["limits"]
    directory = directory_of(kubelet)
    files = Files(int(limits["file_bytes"]))
    most = int(limits["matches"])
    entries = _entries(directory, files, most)
    processes = in_pods(COMPONENTS)
    leads = Background(lambda: _leads(processes["etcd"]))
    stored = Background(lambda: _stored(processes["etcd"], processes["kube-apiserver"]))
    texts = [entry["text"] for entry in entries if entry.get("text")]
    loaded = Background(lambda: _loaded(processes["kube-apiserver"], texts))
    lines = ["\0".join(each["argv"]) for component in processes.values() for each in component]
    held, held_error = stored.result(_STORED_SECONDS, ({}, f"no answer in {_STORED_SECONDS} s"))
    return {
        "directory": directory,
        "entries": entries,
        "processes": processes,
        "files": describe_all(files, [*texts, *lines], most),
        "loaded": loaded.result(_API_SECONDS, {}),
        "kubeadm": kubeadm,
        "leads_etcd": leads.result(_ETCD_SECONDS, None),
        "stored": held,
        "stored_error": held_error,
    }


def directory_of(kubelet: Data) -> str:
    """Return the directory that a kubelet reads manifests from: its flag's, or its configuration's."""
    process = kubelet.get("process")
    files = kubelet.get("files") or {}
    line = "\0".join(process["argv"]) if process else ""
    texts = [line] if process else [entry.get("text") or "" for entry in files.values()]
    flags = [value for text in texts for value in _FLAG.findall(text)]
    # Of several a flag's last counts, and of the configuration's files the last that says it.
    named = [*_CONFIG.findall(line)[-1:], *(kubelet.get("config_dir_files") or ())]
    configured = [
        value
        for path in named or ["/var/lib/kubelet/config.yaml"]
        for value in _KEY.findall((files.get(path) or {}).get("text") or "")
    ]
    found = [*configured, *flags]
    return os.path.normpath(found[-1]) if found else DIRECTORY


def _entries(directory: str, files: Files, most: int) -> list[Entry]:
    """Return what lies in a directory, in the kubelet's order: by the bytes of the names."""
    try:
        names = sorted(os.listdir(os.fsencode(directory)))
    except FileNotFoundError:
        return []
    if len(names) > most:
        raise ValueError(f"{directory} holds more than {most} names")
    return [_entry(directory, name, files) for name in names]


def _entry(directory: str, name: bytes, files: Files) -> Entry:
    path = os.path.join(os.fsencode(directory), name)
    hidden = name.startswith(b".")
    seen = describe(path)
    if not hidden and seen["type"] == "file":
        files.add(path)
        seen = files.entries[plain(path)]
    link = os.path.islink(path)
    return {**seen, "name": plain(name), "hidden": hidden, "type": "link" if link else seen["type"]}


def _leads(members: list[Data]) -> bool | None:
    """Tell whether this node's member of etcd leads the others; None where it does not say."""
    if len(members) != 1:
        return None
    try:
        status = _etcd(members[0]).status()
    except EtcdError:
        return None
    return status.leader == status.id


def _etcd(member: Data) -> Etcd:
    options = dict(word.partition("=")[::2] for word in member["argv"])
    own = client_url(options.get("--listen-client-urls", ""))
    return Etcd(own, health_check(options.get("--trusted-ca-file")), _ETCD_SECONDS)


def _stored(members: list[Data], servers: list[Data]) -> tuple[dict[str, dict[str, int]], str]:
    """Return how etcd holds secrets, or why it does not tell.

    It is asked where the API server is told to encrypt and etcd is this node's.
    """
    words = [word.partition("=")[::2] for server in servers for word in server["argv"]]
    options = dict(words)
    if len(members) != 1 or f"--{RELOADED['encryption']}" not in options:
        return {}, ""
    place = options.get("--etcd-prefix", "/registry").strip("/")
    try:
        return {"secrets": count(_etcd(members[0]).values(f"/{place}/secrets/"))}, ""
    except EtcdError as reason:
        return {}, str(reason)


def _loaded(servers: list[Data], texts: list[str]) -> Data:
    """Return {configuration: {hash, path, current}} as the node's own API server tells it."""
    if len(servers) != 1:
        return {}
    line = "\0".join(servers[0]["argv"]) + "\0"
    named = {kind: re.findall(rf"\0--{option}(?:=|\0)(/[^\0]*)", line) for kind, option in RELOADED.items()}
    if not any(named.values()):
        return {}
    told = _ask()
    mounts = host_paths(next((text for text in texts if "kube-apiserver" in text), ""))
    found: Data = {}
    for kind, value in told.items():
        paths = named.get(kind)
        path = on_host(paths[-1], mounts) if paths else None
        found[kind] = {"hash": value, "path": path, "current": path and _digest(path) == value}
    return found


def _ask() -> dict[str, str]:
    try:
        with Api(ADMIN, own_server(MANIFEST), _API_SECONDS) as api:
            return {kind: told.digest for kind, told in loaded(api).items() if told.digest}
    except ApiError:
        return {}


def _digest(path: str) -> str | None:
    try:
        content = read_bytes(os.fsencode(path), 1 << 20)
    except (OSError, ReadError):
        return None
    return "sha256:" + hashlib.sha256(content).hexdigest()
