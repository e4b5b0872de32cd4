# SPDX-License-Identifier: Apache-2.0
"""What the kinds about control planes have in common."""

from __future__ import annotations

from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import static_pod_changes
from cksharden.facts import NodeFacts


class ControlPlaneKind:
    """The parts of a Kind that are alike for all that the role static_pods carries out."""

    role = "static_pods"

    def requests(self, _spec: Any, /) -> list[dict[str, Any]]:
        """Return nothing: the sections of a control plane always travel whole."""
        return []

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """See plugin_utils.static_pod_changes."""
        return static_pod_changes(facts.section("static_pods"), items)
