# SPDX-License-Identifier: Apache-2.0
"""What a node said, read with care: a section is either good or a reason for `unknown`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from cksharden.cluster import Cluster
from cksharden.model import NodeKind

KNOWN_MAJOR = "1"

T = TypeVar("T")


class Unknown(Exception):  # noqa: N818 - a verdict, not a fault
    """The facts can't say whether a control holds; the text is the finding's reason."""


@dataclass(frozen=True)
class NodeFacts:
    """The facts of one node: the `sections` of its facts file, as plain JSON data."""

    host: str
    sections: dict[str, Any]
    groups: tuple[str, ...] = ()
    """The host's groups in the inventory, without Ansible's own `all` and `ungrouped`."""
    cluster: Cluster | str = "nothing was told of the cluster: collect again"
    """The cluster that it is in, or the reason why nothing is known of it."""
    _known: dict[Callable[[NodeFacts], Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, work_out: Callable[[NodeFacts], T]) -> T:
        """Return what a function makes of these facts, which many controls ask for and one call works out."""
        if work_out not in self._known:
            self._known[work_out] = work_out(self)
        return cast("T", self._known[work_out])

    def section(self, name: str) -> dict[str, Any]:
        """Return the data of a section.

        Raises:
            Unknown: it is missing, failed on the node, or is of an unknown major version.
        """
        section = self.sections.get(name)
        if not isinstance(section, dict):
            raise Unknown(f"the facts have no section {name!r}: collect again")
        if str(section.get("schema", "")).split(".")[0] != KNOWN_MAJOR:
            raise Unknown(f"the section {name!r} of the facts has schema {section.get('schema')!r}, not 1.x")
        if section.get("status") != "ok":
            raise Unknown(f"{name}: {section.get('reason') or 'could not be collected'}")
        data = section.get("data")
        if not isinstance(data, dict):
            raise Unknown(f"the section {name!r} of the facts holds no data")
        return data

    @property
    def kind(self) -> NodeKind:
        """Return what the node is.

        Raises:
            Unknown: the node section is missing or broken.
        """
        kind = self.section("node").get("kind", "none")
        if kind not in list(NodeKind):
            raise Unknown(f"the section 'node' of the facts has kind {kind!r}")
        return NodeKind(kind)

    @property
    def minor(self) -> tuple[int, int] | None:
        """Return the kubelet's (major, minor), or None where it could not be told."""
        version = self.section("kubelet").get("version")
        return parse_minor(version) if isinstance(version, str) else None


@dataclass(frozen=True)
class Unreachable:
    """A host of the inventory that brought no facts, and why."""

    host: str
    reason: str
    groups: tuple[str, ...] = ()


Collected = dict[str, NodeFacts | Unreachable]


def parse_minor(version: str) -> tuple[int, int] | None:
    """Return (1, 37) for "v1.37.2", "1.37.2" and "1.37"; None for what is no version."""
    parts = version.removeprefix("v").split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])
