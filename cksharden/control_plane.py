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
    ManifestError,
    component_of,
    parse_manifest,
    pod_key,
    pod_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Manifest
from cksharden.facts import NodeFacts, Unknown
from cksharden.static_pod_facts import File, Process, Rendered, StaticPods

T = TypeVar("T")

LARGEST_MANIFEST = 10 * 1024 * 1024
"""Bytes; the kubelet reads no larger file (kubernetes, pkg/kubelet/config/file.go, maxConfigLength)."""


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


def _rendered(facts: NodeFacts) -> Rendered:
    return _section(facts, "rendered", Rendered)


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
    "Manifest",
    "ManifestFile",
    "declared",
    "file",
    "manifest_files",
    "rendered",
    "running",
    "static_pods",
]
