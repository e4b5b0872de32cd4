# SPDX-License-Identifier: Apache-2.0
"""One option of a component of the control plane, in its manifest, in its process, and after an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cksharden.control_plane import declared
from cksharden.facts import NodeFacts
from cksharden.kinds.control_plane_example import example_facts
from cksharden.kinds.control_plane_facets import absent_component, facets, judge_flag, minor_of, seen
from cksharden.kinds.control_plane_kind import ControlPlaneKind
from cksharden.kinds.control_plane_spec import ControlPlaneFlag, check_words
from cksharden.kinds.facets import judgement
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Judgement, Status


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
        return judgement(facets(facts, spec.component, spec, judge_flag), spec.expected)

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
        check_waits(self.judge(spec, facts))
        return [{"component": spec.component, "option": spec.option} | _change(spec) | _mounts(spec, facts)]

    def example(self, spec: ControlPlaneFlag, snippet: dict[str, Any]) -> NodeFacts:
        """See control_plane_example.example_facts."""
        return example_facts(snippet, spec.component)


def check_waits(judgement: Judgement) -> None:
    """Refuse to change what holds in the manifest and will after an upgrade: only its process is old.

    Raises:
        CannotRemedy: that is so.
    """
    status = {item.what: item.status for item in judgement.items}
    if status["declared"] is Status.PASS and status["persisted"] is not Status.FAIL:
        raise CannotRemedy(
            "the manifest holds already and its process does not: the kubelet has not taken it yet"
        )


def _change(spec: ControlPlaneFlag) -> dict[str, Any]:
    if spec.is_set is False:
        return {"value": None}
    if spec.target is not None:
        return {"value": spec.text(spec.target)}
    if isinstance(spec.contains, list):
        return {"add": spec.contains}
    if isinstance(spec.excludes, list):
        return {"remove": spec.excludes}
    raise CannotRemedy(f"the value of {spec.name} is not cksharden's to choose")


def _mounts(spec: ControlPlaneFlag, facts: NodeFacts) -> dict[str, Any]:
    manifest = declared(facts, spec.component)
    if spec.mount is None or manifest is None or manifest.host_path(spec.mount.path) is not None:
        return {}
    mount = spec.mount
    return {
        "mounts": [{"name": mount.name, "path": mount.path, "read_only": mount.read_only, "type": mount.type}]
    }
