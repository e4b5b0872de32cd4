# SPDX-License-Identifier: Apache-2.0
"""What the kinds about control planes have in common."""

from __future__ import annotations

from typing import Any

from cksharden.facts import NodeFacts
from cksharden.kinds.interface import CannotRemedy


class ControlPlaneKind:
    """The parts of a Kind that are alike for all that the role static_pods carries out."""

    role = "static_pods"

    def requests(self, _spec: Any, /) -> list[dict[str, Any]]:
        """Return nothing: the sections of a control plane always travel whole."""
        return []

    def changes(self, _items: list[dict[str, Any]], _facts: NodeFacts, /) -> dict[str, Any]:
        """Refuse: no role carries the items out yet."""
        raise CannotRemedy("cksharden does not change control planes yet")
