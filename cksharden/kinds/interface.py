# SPDX-License-Identifier: Apache-2.0
"""What a kind of control is: how it judges facts, and how it words the intent to change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cksharden.facts import NodeFacts
    from cksharden.model import Judgement


class CannotRemedy(Exception):  # noqa: N818 - an answer, not a fault
    """A failing control that this kind does not change; the text is the plan's reason."""


class PartlyRemedied(CannotRemedy):
    """A failing control of which a part alone is changed; the text is why not the rest."""

    def __init__(self, reason: str, items: list[dict[str, Any]]) -> None:
        super().__init__(reason)
        self.items = items


def crashed(kind: str, error: Exception) -> str:
    """Return the reason that a kind which crashed on odd facts leaves behind."""
    return f"{kind} failed on these facts: {type(error).__name__}: {error}"


class Kind(Protocol):
    """Behaviour shared by all controls of one kind; one instance, no state."""

    name: str
    role: str
    """The role that executes this kind's items, so its list is `<role>_settings`."""
    spec: type[Any]
    """The schema of the control's `with:`, a msgspec Struct whose __post_init__ may raise ValueError."""

    def requests(self, spec: Any, /) -> list[dict[str, Any]]:
        """Return what the collector must bring besides its standing sections."""

    def minor(self, spec: Any, facts: NodeFacts, /) -> tuple[int, int] | None:
        """Return the version that a control's range is about, None where it could not be told."""

    def judge(self, spec: Any, facts: NodeFacts) -> Judgement:
        """Return what holds. Raises facts.Unknown where the facts can't say."""

    def check_parameters(self, spec: Any, parameters: Mapping[str, Any], /) -> None:
        """Refuse with ValueError what a profile may not change in the `with:` of a control."""

    def remedy(self, spec: Any, facts: NodeFacts) -> list[dict[str, Any]]:
        """Return the items that would make a failing control hold. Raises CannotRemedy with the reason."""

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """Return what the items change, by the same function that the role uses."""

    def example(self, spec: Any, snippet: dict[str, Any], /) -> NodeFacts:
        """Return the facts that a control's example describes. Raises ValueError for an unknown key."""
