# SPDX-License-Identifier: Apache-2.0
"""What somebody edited by hand in a manifest: all in which it differs from what kubeadm would write.

An edit is adopted into kubeadm-config where that can say it, an option or its mount; kept by a patch, whose
text is told; or left, by a waiver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    Configuration,
    ConfigurationError,
)
from cksharden import control_plane
from cksharden.control_plane import Manifest
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds import pod_difference
from cksharden.kinds.control_plane_example import example_facts
from cksharden.kinds.control_plane_kind import ControlPlaneKind
from cksharden.kinds.control_plane_spec import Component, ControlPlaneFile, ControlPlaneFlag
from cksharden.kinds.interface import PartlyRemedied
from cksharden.kinds.pod_difference import Difference
from cksharden.model import Item, Judgement, Status, worst

_PATCH = "patch of "
_DIRECTORIES = ("Directory", "DirectoryOrCreate")


class StaticPodRendering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `with:` of a static_pod_rendering."""

    components: list[Component]
    """Whose manifests are compared."""
    judged: frozenset[tuple[str, str]] = frozenset()
    """(component, option) of other controls, which say more of them. The catalogue knows."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "the manifests of the control plane"

    @property
    def expected(self) -> str:
        """The expectation in words."""
        return "what kubeadm would write, but for options that other controls judge"


def judged_options(specs: Iterable[Any]) -> frozenset[tuple[str, str]]:
    """Return the (component, option) that controls of these specs judge; a single feature gate is not all."""
    flags = [one for one in specs if isinstance(one, ControlPlaneFlag | ControlPlaneFile)]
    own = {(one.component, one.option) for one in flags if getattr(one, "gate", None) is None}
    files = {
        (one.component, one.without.option)
        for one in flags
        if isinstance(one, ControlPlaneFile) and one.without
    }
    instead = {
        (one.component, one.instead.option)
        for one in flags
        if isinstance(one, ControlPlaneFlag) and one.instead
    }
    return frozenset(own | files | instead)


class StaticPodRenderingKind(ControlPlaneKind):
    """Finds hand edits, and adopts those that kubeadm-config can say."""

    name = "static_pod_rendering"
    spec = StaticPodRendering

    def minor(self, _spec: StaticPodRendering, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the kubelet's version: no component is meant before others."""
        return facts.minor

    def judge(self, spec: StaticPodRendering, facts: NodeFacts) -> Judgement:
        """List each difference, and how it is kept."""
        items: list[Item] = []
        for component in spec.components:
            try:
                items += _items(spec, facts, component)
            except Unknown as error:
                items.append(Item(component, Status.UNKNOWN, reason=str(error)))
        status = worst([item.status for item in items])
        if status in (Status.PASS, Status.NOT_APPLICABLE):
            return Judgement(Status.PASS, "every manifest is as kubeadm would write it", None, spec.expected)
        reason = "; ".join(item.reason for item in items if item.status is status)
        if status is Status.FAIL:
            reason = f"edited by hand, lost at the next kubeadm upgrade: {reason}"
        observed = [item.what for item in items if item.status is status]
        return Judgement(status, reason, observed, spec.expected, items[0].source, tuple(items))

    def check_parameters(self, _spec: StaticPodRendering, parameters: Mapping[str, Any]) -> None:
        """Refuse all: there is nothing to choose."""
        for key in parameters:
            raise ValueError(f"{key}: it says what the control is about, and is not changed")

    def remedy(self, spec: StaticPodRendering, facts: NodeFacts) -> list[dict[str, Any]]:
        """Have kubeadm-config say what the manifests say; nothing restarts."""
        items = [
            _item(*_both(facts, component), one.option)
            for component in spec.components
            for one in _found(spec, facts, component)
            if _adoptable(one, facts, component)
        ]
        patches = [
            item.reason
            for component in spec.components
            for item in _items(spec, facts, component)
            if item.what.startswith(_PATCH)
        ]
        if patches:
            raise PartlyRemedied("; ".join(patches), items)
        return items

    def example(self, spec: StaticPodRendering, snippet: dict[str, Any]) -> NodeFacts:
        """See control_plane_example.example_facts."""
        return example_facts(snippet, *spec.components)


def _both(facts: NodeFacts, component: str) -> tuple[Manifest, Manifest]:
    """Return the manifest that is there, and kubeadm's. Raises Unknown."""
    live, rendered = control_plane.declared(facts, component), control_plane.rendered(facts, component)
    if live is None or rendered is None:
        raise Unknown(f"there is no manifest of {component} to compare")
    return live, rendered


def _found(spec: StaticPodRendering, facts: NodeFacts, component: str) -> list[Difference]:
    """Return what was edited by hand; no etcd is no edit."""
    if component == "etcd" and control_plane.declared(facts, component) is None:
        return []
    live, rendered = _both(facts, component)
    options = [
        one for one in pod_difference.options(live, rendered) if (component, one.option) not in spec.judged
    ]
    adopted = [mount["path"] for one in options for mount in _mounts(live, rendered, one.option)]
    # The volume of an option's file goes with the option, whoever judges that.
    taken = {live.mount_of(path) for path in adopted} | {
        live.mount_of(one.value) for one in live.options if (component, one.name) in spec.judged
    }
    names = {mount.name for mount in taken if mount is not None}
    rest = [
        one
        for one in pod_difference.rest(live, rendered)
        if not (isinstance(one.here, dict) and one.kubeadm is None and one.here.get("name") in names)
    ]
    return [*options, *rest]


def _items(spec: StaticPodRendering, facts: NodeFacts, component: str) -> list[Item]:
    found = _found(spec, facts, component)
    if not found:
        return [Item(component, Status.PASS, reason=f"{component}: as kubeadm would write it")]
    source = _both(facts, component)[0].path
    patched = [one for one in found if not _adoptable(one, facts, component)]
    items = [
        Item(one.what, Status.FAIL, one.here, source, _words(one) + ("" if one in patched else " (adopt)"))
        for one in found
    ]
    text = pod_difference.patch_text(patched)
    if patched:
        name = f"{component}9+json.json"
        reason = f"kubeadm keeps what is not adopted with {name} among its patches: {text}"
        items.append(Item(f"{_PATCH}{component}", Status.FAIL, text, source, reason))
    return items


def _item(live: Manifest, rendered: Manifest, option: str) -> dict[str, Any]:
    """Return the item that asks for what the manifest has already: it restarts nothing, and is kept."""
    values = list(live.values(option))
    value = values[0] if len(values) == 1 else values or None
    mounts = _mounts(live, rendered, option)
    item = {"component": live.component, "option": option, "value": value}
    return item | ({"mounts": mounts} if mounts else {})


def _words(one: Difference) -> str:
    here, there = ("none" if said is None else str(said) for said in (one.here, one.kubeadm))
    return f"{one.what} is {here}, kubeadm would write {there}"


def _adoptable(one: Difference, facts: NodeFacts, component: str) -> bool:
    """Say whether kubeadm-config can say it: any option, but not that one of kubeadm's own goes."""
    if not one.option:
        return False
    if one.here is not None:
        return True
    said = facts.cluster.kubeadm_config if not isinstance(facts.cluster, str) else None
    try:
        return said is not None and one.option in Configuration(said).options(component)
    except ConfigurationError:
        return False


def _mounts(live: Manifest, rendered: Manifest, option: str) -> list[dict[str, Any]]:
    """Return the directories in which an option's files lie, as far as kubeadm-config can mount them."""
    if live.component == "etcd":
        return []
    found = [live.mount_of(value) for value in live.values(option) if value.startswith("/")]
    known = [one.mount_path for one in rendered.mounts]
    return [
        {"name": one.name, "path": one.mount_path, "read_only": one.read_only, "type": one.type}
        for one in dict.fromkeys(found)
        if one is not None and one.host_path == one.mount_path not in known and one.type in _DIRECTORIES
    ]
