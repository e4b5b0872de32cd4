# SPDX-License-Identifier: Apache-2.0
"""What the user asked for, and who wants to see how far it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cksharden.catalog import load_controls
from cksharden.errors import ProfileError
from cksharden.inventory import missing, none_given
from cksharden.policy import Selection
from cksharden.policy_files import DEFAULT_PROFILE, select
from cksharden.runner import Connection
from cksharden.waivers import Waivers, load

TEAM_PROFILE = "profile.yml"


class Watch(Protocol):
    """Whoever wants to see how far the hosts are."""

    def stage(self, name: str) -> AbstractContextManager[Callable[[str, str], None]]:
        """Watch one stage; what it returns is called with a host and what it is at."""


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    command: str
    runs: Path
    connection: Connection
    inventory: Path | None = None
    limit: str | None = None
    profile: str | None = None
    controls: tuple[str, ...] = ()
    facts: Path | None = None
    """A directory of facts to judge instead of collecting any."""
    new_key: bool = False
    """Have what is stored encrypted by another key than now."""

    def required_inventory(self) -> Path:
        """Return the inventory, which a stage that reaches nodes can't do without. Raises UsageError."""
        if self.inventory is None:
            raise none_given()
        return self.inventory


def choose(order: Order) -> tuple[Selection, Waivers]:
    """Return the controls of the order, and what is excepted from them.

    The profile is that of --profile, else profile.yml beside the inventory, else the default. waivers.yml
    stands beside the inventory too.

    Raises:
        CkshardenError: one of the files is not exactly right, or there is no such profile or control.
    """
    controls = load_controls()
    profile, waivers = order.profile, Waivers()
    if order.inventory is not None:
        if not order.inventory.exists():
            raise missing(order.inventory)
        directory = order.inventory if order.inventory.is_dir() else order.inventory.parent
        own = directory / TEAM_PROFILE
        profile = profile or (str(own) if own.is_file() else None)
        waivers = load(directory, [one.control.id for one in controls])
    selection = select(controls, profile or DEFAULT_PROFILE, order.controls)
    if not selection.controls:
        mend = "add `extends: cks`, or `include:` with controls"
        raise ProfileError("it asks for no control", file=profile, mend=mend)
    return selection, waivers
