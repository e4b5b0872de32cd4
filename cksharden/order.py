# SPDX-License-Identifier: Apache-2.0
"""What the user asked for, and who wants to see how far it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cksharden import catalog
from cksharden.errors import UsageError
from cksharden.runner import Connection

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

    def required_inventory(self) -> Path:
        """Return the inventory, which a stage that reaches nodes can't do without. Raises UsageError."""
        if self.inventory is None:
            raise UsageError("no inventory was given", mend="name an Ansible inventory, like inventories/lab")
        return self.inventory


def choose(order: Order) -> catalog.Selection:
    """Return the controls of the order: by --profile, the inventory's profile.yml, or the default."""
    profile = order.profile
    if profile is None and order.inventory is not None:
        directory = order.inventory if order.inventory.is_dir() else order.inventory.parent
        own = directory / TEAM_PROFILE
        profile = str(own) if own.is_file() else None
    return catalog.select(catalog.load_controls(), profile or catalog.DEFAULT_PROFILE, order.controls)
