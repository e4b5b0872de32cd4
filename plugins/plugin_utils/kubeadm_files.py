# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files kubeadm-config names, and what a machine lacks of them that is about to join. Pure.

`kubeadm join --control-plane` writes manifests from kubeadm-config and makes its own certificates and
kubeconfigs. Every other file that an option names has to be there before, or the component does not start.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from ansible_collections.cksharden.node.plugins.module_utils.node.component_files import on_host
from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    SECTIONS,
    ConfigurationError,
)

_ATTRIBUTES = ("mode", "uid", "gid", "owner", "group")
KUBERNETES = "/etc/kubernetes"
"""What lies below it is placed; elsewhere the machine is its owner's."""
_OWN = re.compile(
    r"(admin|super-admin|kubelet|bootstrap-kubelet|controller-manager|scheduler)\.conf|manifests(/.*)?"
)
_OWN_PKI = re.compile(
    r"(ca|apiserver|apiserver-kubelet-client|apiserver-etcd-client|front-proxy-ca|front-proxy-client)\.(crt|key)"
    r"|sa\.(key|pub)|etcd(/(ca|server|peer|healthcheck-client)\.(crt|key))?"
)
"""What kubeadm makes by itself, or gets by --certificate-key (cmd/kubeadm/app/constants)."""
_WRITTEN = frozenset(("audit-log-path", "cert-dir", "data-dir", "log-dir", "log-file", "wal-dir"))
"""Options that name what the component writes by itself."""
_RELATIVE = re.compile(r"path|.*file|client-certificate|client-key|certificate-authority", re.IGNORECASE)
"""Keys of configuration files whose value is a path, relative to the file that says it."""
_MADE = ("DirectoryOrCreate", "FileOrCreate")

Entry = dict[str, Any]


class Named(NamedTuple):
    """What kubeadm-config names on a node."""

    files: dict[str, str]
    """Path -> what names it, for people. May be a directory, where it is mounted."""
    made: frozenset[str]
    """Paths that the kubelet makes where they are absent."""
    mounts: dict[str, dict[str, str]]
    """Component -> directory of its container -> directory of the node."""
    pki: str
    """Where kubeadm keeps certificates."""


class Placed(NamedTuple):
    """What becomes of one file on the machine that is to join."""

    path: str
    status: str
    """create, replace, as_there or conflict."""
    reason: str
    """Why it is a conflict."""
    entry: Entry


def named(text: str) -> Named:
    """Return what a ClusterConfiguration names: absolute paths in extraArgs, and extraVolumes.

    Raises ConfigurationError.
    """
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"kubeadm-config is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(whole, dict):
        raise ConfigurationError("kubeadm-config holds no mapping")
    pki = posixpath.normpath(str(whole.get("certificatesDir") or f"{KUBERNETES}/pki"))
    found = Named({}, frozenset(), {}, pki)
    made: set[str] = set()
    for component, keys in SECTIONS.items():
        section: Any = whole
        for key in keys:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            continue
        mounts: dict[str, str] = {}
        for volume in _mappings(section.get("extraVolumes")):
            path = posixpath.normpath(str(volume.get("hostPath")))
            mounts[posixpath.normpath(str(volume.get("mountPath")))] = path
            found.files.setdefault(path, f"the volume {volume.get('name')} of {component}")
            if volume.get("pathType") in _MADE:
                made.add(path)
        found.mounts[component] = mounts
        for option, value in _arguments(section.get("extraArgs")):
            if value.startswith("/") and option.replace("_", "-") not in _WRITTEN:
                found.files[on_host(value, mounts)] = f"--{option} of {component}"
    return found._replace(made=frozenset(made))


def further(path: str, content: str, config: Named) -> dict[str, str]:
    """Return the paths on the node that a configuration file names in its turn, and what names each.

    Any text that looks like a path counts: what is none is not found on the node, and is left alone.
    """
    found = {}
    for key, value in _texts(content):
        if value.startswith("/"):
            found.update({on_host(value, mounts): path for mounts in config.mounts.values()})
        elif _RELATIVE.fullmatch(key) and value:
            found[posixpath.normpath(posixpath.join(posixpath.dirname(path), value))] = path
    return {each: by for each, by in found.items() if is_placed(each, config)}


def is_placed(path: str, config: Named) -> bool:
    """Tell whether a file of this path is for cksharden to place, and none that kubeadm makes."""
    if not path.startswith(f"{KUBERNETES}/"):
        return False
    if path == config.pki or path.startswith(f"{config.pki}/"):
        return not _OWN_PKI.fullmatch(posixpath.relpath(path, config.pki)) and path != config.pki
    return not _OWN.fullmatch(posixpath.relpath(path, KUBERNETES))


def directories(paths: list[str]) -> list[str]:
    """Return the directories from KUBERNETES down to each of paths, those above first."""
    found = {KUBERNETES}
    for path in paths:
        above = posixpath.dirname(path)
        while above.startswith(f"{KUBERNETES}/"):
            found.add(above)
            above = posixpath.dirname(above)
    return sorted(found)


def placed(wanted: dict[str, Entry], there: dict[str, Entry], *, serves: bool) -> list[Placed]:
    """Return what becomes of each file and directory, those above first.

    Args:
        wanted: path -> entry of module_utils.node.named_files of a healthy control plane, with content.
        there: the same of the machine, without.
        serves: whether the machine is a control plane already: what it has is not overwritten.
    """
    return [
        Placed(path, *_status(entry, there[path], serves=serves), entry)
        for path, entry in sorted(wanted.items())
    ]


def _status(wanted: Entry, found: Entry, *, serves: bool) -> tuple[str, str]:
    if not found["exists"]:
        return "create", ""
    if found["error"]:
        return "conflict", found["error"]
    if found["type"] != wanted["type"]:
        return "conflict", f"it is no {wanted['type']} there"
    if wanted["type"] == "directory":
        return "as_there", ""
    if serves and found["digest"] != wanted["digest"]:
        return "conflict", "this control plane has another one"
    return "replace" if _state(wanted) != _state(found) else "as_there", ""


def changes(files: list[Placed], there: dict[str, Entry]) -> list[dict[str, Any]]:
    """Return the changes of a transaction that place what is absent or is to be replaced."""
    made = []
    for one in files:
        if one.status in ("as_there", "conflict"):
            continue
        create = {key: one.entry[key] for key in ("mode", "uid", "gid")}
        found = there[one.path]
        ground = _state(found) if found["exists"] else None
        change: dict[str, Any] = {"path": one.path, "create": create, "ground": ground}
        if one.entry["type"] == "directory":
            made.append({**change, "action": "directory"})
        else:
            edit = {"op": "write", "content": one.entry["content"]}
            made.append({**change, "action": "edit", "edits": [edit], "attributes": create})
    return made


def notes(named_by: dict[str, str], there: dict[str, Entry], config: Named) -> list[str]:
    """Say which paths elsewhere the machine has to have, by what a control plane has there."""
    return [
        f"{path}, which {by} names, is not below {KUBERNETES} and is not placed: see that it is there"
        for path, by in named_by.items()
        if there[path]["exists"] and path not in config.made
    ]


def told(one: Placed, found: Entry) -> dict[str, Any]:
    """Return what may be told of a file: everything but what is in it."""
    before, after = ({key: each[key] for key in _ATTRIBUTES} for each in (found, one.entry))
    shown = before if found["exists"] else None
    return {"path": one.path, "status": one.status, "told": one.reason, "before": shown, "after": after}


def _state(entry: Entry) -> dict[str, Any]:
    return {key: entry.get(key) for key in ("digest", "mode", "uid", "gid")}


def _arguments(given: Any) -> Iterator[tuple[str, str]]:
    """Return name and value of each option, of the map of v1beta3 or the list of v1beta4."""
    if isinstance(given, dict):
        yield from ((str(name), str(value)) for name, value in given.items())
    for one in _mappings(given):
        yield str(one.get("name")), str(one.get("value"))


def _mappings(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _texts(content: str) -> Iterator[tuple[str, str]]:
    """Return key and value of every text of a YAML file; nothing of what is none."""
    try:
        documents = list(yaml.safe_load_all(content))
    except yaml.YAMLError:
        return
    pending: list[tuple[str, Any]] = [("", one) for one in documents]
    while pending:
        key, value = pending.pop()
        if isinstance(value, dict):
            pending += [(str(name), each) for name, each in value.items()]
        elif isinstance(value, list):
            pending += [(key, each) for each in value]
        elif isinstance(value, str):
            yield key, value
