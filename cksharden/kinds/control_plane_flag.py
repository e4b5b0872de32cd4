# SPDX-License-Identifier: Apache-2.0
"""One option of a component of the control plane, in its manifest, in its process, and after an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.control_plane_example import example_facts
from cksharden.kinds.control_plane_facets import (
    NotMounted,
    Seen,
    absent_component,
    facets,
    judge_flag,
    minor_of,
    seen,
)
from cksharden.kinds.control_plane_kind import ControlPlaneKind
from cksharden.kinds.control_plane_spec import ControlPlaneFlag, check_words
from cksharden.kinds.facets import judgement
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Item, Judgement, Status


class ControlPlaneFlagKind(ControlPlaneKind):
    """Judges and remedies options of the control plane."""

    name = "control_plane_flag"
    spec = ControlPlaneFlag

    def minor(self, spec: ControlPlaneFlag, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the component's version, which its image tells."""
        return minor_of(facts, spec.component)

    def judge(self, spec: ControlPlaneFlag, facts: NodeFacts) -> Judgement:
        """Judge the three facets; the status is the worst of them."""
        absent = absent_component(facts, spec.component)
        if absent is not None:
            return Judgement(Status.NOT_APPLICABLE, absent, None, spec.expected)
        items = facets(facts, spec.component, spec, judge_flag)
        return judgement((*items, *_twin(spec, facts)), spec.expected)

    def check_parameters(self, spec: ControlPlaneFlag, parameters: Mapping[str, Any]) -> None:
        """See check_words."""
        check_words(spec, parameters)

    def remedy(self, spec: ControlPlaneFlag, facts: NodeFacts) -> list[dict[str, Any]]:
        """Word the intent; a file that says it in the option's place, and feature gates, are people's."""
        if spec.gate is not None:
            raise CannotRemedy(f"the value of {spec.name} is not cksharden's to choose")
        at = seen(facts, spec.component, "declared")
        if spec.instead is not None and at.values(spec.instead.option):
            path = at.values(spec.instead.option)[-1]
            raise CannotRemedy(f"{path} says it in place of {spec.name}: change it there")
        values = at.values(spec.option)
        if spec.type == "set" and values:
            values = (",".join(values),)
        kept = adopted(self.judge(spec, facts), at, values)
        change = kept or _change(spec) | _mounts(spec, at)
        if spec.type == "first" and change["value"] is not None:
            # Those that stood there stay behind it, in their order.
            first = values[:1] if kept else (change["value"],)
            change["value"] = list(dict.fromkeys((*first, *values)))
        return [{"component": spec.component, "option": spec.option} | change]

    def example(self, spec: ControlPlaneFlag, snippet: dict[str, Any]) -> NodeFacts:
        """See control_plane_example.example_facts."""
        return example_facts(snippet, spec.component)


def _twin(spec: ControlPlaneFlag, facts: NodeFacts) -> tuple[Item, ...]:
    """Say that a file holds what another one does that it is to differ from: a copy, or a link."""
    if spec.unlike is None:
        return ()
    try:
        own, other = (seen(facts, component, "declared") for component in (spec.component, "kube-apiserver"))
        pairs = [(own, path) for path in own.values(spec.option)[-1:]]
        pairs += [(other, path) for path in other.values(spec.unlike)[-1:]]
        texts = [at.file(path).whole_text.strip() for at, path in pairs]
    except (NotMounted, Unknown):
        return ()  # the path is judged by itself
    if len(texts) < 2 or texts[0] != texts[1]:
        return ()
    reason = f"{pairs[0][1]} holds what {pairs[1][1]} does, the file of --{spec.unlike}"
    return (Item("content", Status.FAIL, pairs[0][1], pairs[1][1], reason),)


def adopted(judgement: Judgement, at: Seen, values: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what makes an upgrade keep what the manifest says and holds, None where it does not hold.

    Raises:
        CannotRemedy: an upgrade keeps it, and only the process is older than the manifest; or the
            manifest mounts what goes with it under another path, which an item can't say.
    """
    status = {item.what: item.status for item in judgement.items}
    if status["declared"] is not Status.PASS:
        return None
    if status["persisted"] is not Status.FAIL:
        raise CannotRemedy(
            "the manifest holds already and its process does not: the kubelet has not taken it yet"
        )
    if not values:
        return {"value": None}
    mount = at.manifest.mount_of(values[-1])
    kept: dict[str, Any] = {"value": values[-1]}
    if mount is None or not values[-1].startswith("/"):
        return kept
    if mount.host_path != mount.mount_path:
        raise CannotRemedy(f"{values[-1]} is mounted from {mount.host_path}: say both in kubeadm-config")
    return kept | {"mounts": [mount_item(mount.name, mount.mount_path, mount.read_only, mount.type)]}


def _change(spec: ControlPlaneFlag) -> dict[str, Any]:
    if spec.is_set is False:
        return {"value": None}
    if spec.target is not None:
        return {"value": spec.text(spec.target)}
    if isinstance(spec.contains, list):
        return {"add": spec.contains}
    if isinstance(spec.excludes, list) and spec.absent is msgspec.UNSET:
        return {"remove": spec.excludes}
    raise CannotRemedy(f"the value of {spec.name} is not cksharden's to choose")


def _mounts(spec: ControlPlaneFlag, at: Seen) -> dict[str, Any]:
    mount = spec.mount
    if mount is None or at.manifest.host_path(mount.path) is not None:
        return {}
    return {"mounts": [mount_item(mount.name, mount.path, mount.read_only, mount.type)]}


def mount_item(name: str, path: str, read_only: bool, kind: str) -> dict[str, Any]:
    """Return the mount of an item: a directory of the node, under the same path in the container."""
    return {"name": name, "path": path, "read_only": read_only, "type": kind}
