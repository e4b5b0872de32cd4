# SPDX-License-Identifier: Apache-2.0
"""What lies in the manifests directory: the kubelet runs every file there, a forgotten copy as well.

Rules of the kubelet: kubernetes, pkg/kubelet/config/file.go. Of two files with one pod the later name counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cksharden.control_plane import ManifestFile, manifest_files, static_pods
from cksharden.facts import NodeFacts
from cksharden.kinds.control_plane_example import example_facts
from cksharden.kinds.control_plane_kind import ControlPlaneKind
from cksharden.kinds.control_plane_spec import StaticPodDirectory
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Item, Judgement, Status, worst


class StaticPodDirectoryKind(ControlPlaneKind):
    """Judges and clears the manifests directory."""

    name = "static_pod_directory"
    spec = StaticPodDirectory

    def minor(self, _spec: StaticPodDirectory, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the kubelet's version: it is the one that reads the directory."""
        return facts.minor

    def judge(self, spec: StaticPodDirectory, facts: NodeFacts) -> Judgement:
        """Judge every entry that the kubelet looks at."""
        items = tuple(_item(spec, one, manifest_files(facts)) for one in manifest_files(facts))
        directory = static_pods(facts).directory
        status = worst([item.status for item in items])
        if status is Status.PASS:
            return Judgement(
                status, f"{directory} holds what is expected", None, spec.expected, directory, items
            )
        if not items:
            return Judgement(Status.UNKNOWN, f"{directory} is empty", None, spec.expected, directory)
        wrong = [item for item in items if item.status is status]
        reason = "; ".join(item.reason for item in wrong)
        return Judgement(status, reason, [item.source for item in wrong], spec.expected, directory, items)

    def check_parameters(self, _spec: StaticPodDirectory, parameters: Mapping[str, Any]) -> None:
        """Refuse all but the team's own pods."""
        for key in parameters:
            if key != "pods":
                raise ValueError(f"{key}: it says what the control is about, and is not changed")

    def remedy(self, _spec: StaticPodDirectory, facts: NodeFacts) -> list[dict[str, Any]]:
        """Remove second definitions, each announced as the restart of its pod; other pods are people's."""
        files = manifest_files(facts)
        items = [
            {"remove_manifest": one.file.path, "pod": "/".join(pod), "touch": _true(mine).file.path}
            for pod, mine in _doubled(files).items()
            for one in mine
            if one is not _true(mine)
        ]
        if not items:
            raise CannotRemedy(
                "whose pod this is only its owner knows: remove its file, or name the pod in `pods`"
            )
        return items

    def example(self, spec: StaticPodDirectory, snippet: dict[str, Any]) -> NodeFacts:
        """See control_plane_example.example_facts."""
        return example_facts(snippet, *spec.components)


def _item(spec: StaticPodDirectory, one: ManifestFile, files: tuple[ManifestFile, ...]) -> Item:
    path = one.file.path
    if one.ignored:
        return Item(
            path, Status.PASS, source=path, reason=f"{path}: the kubelet does not take it: {one.ignored}"
        )
    if one.problem or one.key is None:
        why = one.problem or "it holds no pod"
        return Item(path, Status.UNKNOWN, source=path, reason=f"{path} could not be judged: {why}")
    pod = one.key[1]
    same = _doubled(files).get(one.key, [one])
    true = _true(same)
    if one is not true:
        taken = same[-1].file.path
        which = "the kubelet takes this one" if taken == path else f"the kubelet takes {taken}"
        reason = f"{path} defines the pod {pod} a second time, beside {true.file.path}: {which}"
        return Item(path, Status.FAIL, pod, path, reason)
    if one.component not in spec.components and pod not in spec.pods:
        return Item(path, Status.FAIL, pod, path, f"{path} runs the pod {pod}, which nobody expects")
    return Item(path, Status.PASS, pod, path, f"{path} runs the pod {pod}")


def _doubled(files: tuple[ManifestFile, ...]) -> dict[tuple[str, str], list[ManifestFile]]:
    """Return the pods that several files define, in the kubelet's order: it takes the last."""
    found: dict[tuple[str, str], list[ManifestFile]] = {}
    for one in files:
        if one.key is not None:
            found.setdefault(one.key, []).append(one)
    return {key: mine for key, mine in found.items() if len(mine) > 1}


def _true(same: list[ManifestFile]) -> ManifestFile:
    """Return the file that kubeadm writes, else the one with the plainest name."""
    own = f"{same[0].component or (same[0].key and same[0].key[1])}.yaml"
    return min(same, key=lambda one: (one.file.name != own, len(one.file.name), one.file.name))
