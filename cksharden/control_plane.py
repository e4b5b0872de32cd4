# SPDX-License-Identifier: Apache-2.0
"""A control plane as its facts tell it: manifests, processes, files, and what kubeadm would write. Pure.

Every function takes the facts of one node, and raises Unknown with its reason where they can't say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import (
    Manifest,
    ManifestError,
    Option,
    component_of,
    options_of,
    parse_manifest,
    pod_key,
    pod_of,
)
from cksharden.facts import NodeFacts, Unknown

T = TypeVar("T")

LARGEST_MANIFEST = 10 * 1024 * 1024
"""Bytes; the kubelet reads no larger file (kubernetes, pkg/kubelet/config/file.go, maxConfigLength)."""


class File(msgspec.Struct, frozen=True):
    """A file of the node; all but path and exists is None where the file is not there."""

    path: str
    exists: bool
    error: str | None = None
    """Why it could not be looked at or read."""
    real_path: str | None = None
    """Where its links lead to; the attributes are those of the file there."""
    type: str | None = None
    """file, directory, link (of the manifests directory alone) or other."""
    mode: str | None = None
    """Octal, "0600"."""
    uid: int | None = None
    gid: int | None = None
    owner: str | None = None
    group: str | None = None
    size: int | None = None
    mtime: float | None = None
    """Seconds since 1970."""
    digest: str | None = None
    """"sha256:…" of the whole file; None where it was not read, or is no manifest and holds a secret."""
    text: str | None = None
    """None where it is not read: a key, a token file, a log. What is secret in it says "[redacted]"."""
    redacted: bool = False
    truncated: bool = False
    lossy: bool = False
    links: tuple[str, ...] = ()
    """The path itself and the directories above it that are links."""
    name: str = ""
    """In the manifests directory: its name."""

    @property
    def whole_text(self) -> str:
        """The text.

        Raises:
            Unknown: there is none, or not all of it.
        """
        if not self.exists:
            raise Unknown(f"{self.path} does not exist")
        if self.error:
            raise Unknown(f"{self.path}: {self.error}")
        if self.truncated:
            raise Unknown(f"{self.path} is larger than the collector reads")
        if self.lossy:
            raise Unknown(f"{self.path} holds bytes that are not UTF-8")
        if self.text is None:
            raise Unknown(f"{self.path} is not read: it may hold keys, or is no regular file")
        return self.text


class Process(msgspec.Struct, frozen=True):
    """A live process of a component, in a container of a pod."""

    pid: int
    argv: tuple[str, ...]
    """Its command line; the value of an option that is a secret says "[redacted]"."""
    started: float
    """Seconds since 1970, to the second."""
    pod_uid: str | None = None
    container_id: str | None = None

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options, in order."""
        return options_of(self.argv[1:])

    def values(self, option: str) -> tuple[str, ...]:
        """Return every value that an option is given, in order."""
        return tuple(one.value for one in self.options if one.name == option)


class Loaded(msgspec.Struct, frozen=True):
    """What an API server says of a configuration that it reloads."""

    hash: str
    """"sha256:…" of what it has loaded."""
    path: str | None = None
    """The file on the node, where the process names one."""
    current: bool | None = None
    """Whether that file is still what was loaded; None where it could not be read."""


class Program(msgspec.Struct, frozen=True):
    """The node's kubeadm."""

    path: str
    version: str | None = None
    """"v1.37.2"; None where it does not say."""


class StaticPods(msgspec.Struct, frozen=True):
    """The section `static_pods`."""

    directory: str
    entries: tuple[File, ...]
    """Everything in the directory, in the kubelet's order."""
    processes: dict[str, tuple[Process, ...]]
    files: dict[str, File]
    """Path on the node -> a file that an option of a component names."""
    loaded: dict[str, Loaded] = {}
    """authentication, authorization or encryption -> what the API server has loaded."""
    stored: dict[str, dict[str, int]] = {}
    """Resource -> what the values in etcd begin with, `identity` in the clear -> how many; {}: not asked."""
    stored_error: str = ""
    """Why etcd did not tell that though it was asked."""
    kubeadm: Program | None = None
    leads_etcd: bool | None = None
    """Whether the node's member of etcd led the others; None where that is not known."""


class _Text(msgspec.Struct, frozen=True):
    text: str
    digest: str | None = None


class _Rendered(msgspec.Struct, frozen=True):
    """The section `rendered`."""

    kubernetes_version: str
    manifests: dict[str, _Text]


@dataclass(frozen=True)
class ManifestFile:
    """One entry of the manifests directory, and what the kubelet makes of it."""

    file: File
    key: tuple[str, str] | None = None
    """Namespace and name of its pod; None where it holds none that the kubelet would take."""
    component: str | None = None
    ignored: str = ""
    """Why the kubelet does not look at it."""
    problem: str = ""
    """Why it can't be told what it holds; the kubelet may take it."""
    hidden_by: str = ""
    """The path of the later file with a pod of the same name, which the kubelet takes instead."""


def static_pods(facts: NodeFacts) -> StaticPods:
    """Return the section `static_pods`, typed."""
    return facts.once(_static_pods)


def manifest_files(facts: NodeFacts) -> tuple[ManifestFile, ...]:
    """Return the entries of the manifests directory, in the kubelet's order."""
    return facts.once(_manifest_files)


def declared(facts: NodeFacts, component: str) -> Manifest | None:
    """Return the manifest that the kubelet takes for a component, None where there is none.

    Raises:
        Unknown: it can't be read with certainty, or two pods run the component.
    """
    files = manifest_files(facts)
    for one in files:
        # What can't be read may be a second definition, unless nothing in it says so.
        if one.problem and (one.file.text is None or component in one.file.text):
            raise Unknown(one.problem)
    taken = [one for one in files if one.component == component and not one.hidden_by]
    if len(taken) > 1:
        raise Unknown(f"{' and '.join(one.file.path for one in taken)} both run {component}")
    return _parsed(taken[0].file.whole_text, taken[0].file.path) if taken else None


def rendered(facts: NodeFacts, component: str) -> Manifest | None:
    """Return what the node's kubeadm makes of the ConfigMap kubeadm-config today, None where it makes none.

    etcd has none where it is external.
    """
    found = facts.once(_rendered).manifests.get(component)
    return None if found is None else _parsed(found.text, f"kubeadm's {component} manifest")


def running(facts: NodeFacts, component: str) -> Process:
    """Return the live process of a component.

    Raises:
        Unknown: none runs, or more than one.
    """
    processes = static_pods(facts).processes.get(component, ())
    if not processes:
        raise Unknown(f"no {component} runs in a pod of this node")
    if len(processes) > 1:
        pids = ", ".join(str(one.pid) for one in processes)
        raise Unknown(f"{len(processes)} processes of {component} run: {pids}")
    return processes[0]


def file(facts: NodeFacts, path: str) -> File:
    """Return a file of the node that an option names.

    Raises:
        Unknown: it was not looked at.
    """
    found = static_pods(facts).files.get(path)
    if found is None:
        raise Unknown(f"{path} was not collected")
    return found


def _static_pods(facts: NodeFacts) -> StaticPods:
    return _section(facts, "static_pods", StaticPods)


def _rendered(facts: NodeFacts) -> _Rendered:
    return _section(facts, "rendered", _Rendered)


def _section(facts: NodeFacts, name: str, shape: type[T]) -> T:
    try:
        return msgspec.convert(facts.section(name), shape)
    except msgspec.ValidationError as error:
        raise Unknown(f"the section {name!r} of the facts is not as it should be: {error}") from error


def _manifest_files(facts: NodeFacts) -> tuple[ManifestFile, ...]:
    found = [_manifest_file(entry) for entry in static_pods(facts).entries]
    last = {one.key: one.file.path for one in found if one.key is not None}
    return tuple(
        replace(one, hidden_by=last[one.key])
        if one.key is not None and last[one.key] != one.file.path
        else one
        for one in found
    )


def _manifest_file(entry: File) -> ManifestFile:
    if entry.name.startswith("."):
        return ManifestFile(entry, ignored="its name begins with a dot")
    if entry.type in ("directory", "other"):
        return ManifestFile(entry, ignored="it is no regular file")
    if (entry.size or 0) > LARGEST_MANIFEST:
        return ManifestFile(entry, ignored="it is larger than the kubelet reads")
    try:
        pod = pod_of(entry.whole_text, entry.path)
        if pod is None:
            return ManifestFile(entry, ignored="it holds no Pod")
        return ManifestFile(entry, pod_key(pod), component_of(pod))
    except (Unknown, ManifestError) as error:
        return ManifestFile(entry, problem=str(error))


def _parsed(text: str, path: str) -> Manifest:
    try:
        return parse_manifest(text, path)
    except ManifestError as error:
        raise Unknown(str(error)) from error


__all__ = [
    "COMPONENTS",
    "File",
    "Loaded",
    "Manifest",
    "ManifestFile",
    "Option",
    "Process",
    "StaticPods",
    "declared",
    "file",
    "manifest_files",
    "rendered",
    "running",
    "static_pods",
]
