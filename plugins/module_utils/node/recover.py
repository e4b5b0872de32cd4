# SPDX-License-Identifier: GPL-3.0-or-later
"""Give an open transaction of this node its agent back, where somebody took that away."""

from __future__ import annotations

from typing import Any

from . import store
from .begin import PATIENCE, refuse_obstacles
from .step import RefusedError
from .store import LockedError
from .system import System


def main(_payload: dict[str, Any]) -> dict[str, Any]:
    """Return {"open": what stands against a new transaction, "" for nothing}. See begin.refuse_obstacles."""
    return recover(store.BASE, System())


def recover(base: str, system: System) -> dict[str, Any]:
    """Return {"open": ...} after an agent was started again where one is missing."""
    left = [each for each in store.kept(base) if not each.closed]
    if not left:
        return {"open": ""}
    try:
        with store.locked(base, PATIENCE):
            refuse_obstacles(base, system)
    except LockedError:  # its agent is at work
        return {"open": f"the transaction {left[0].role} of run {left[0].run} is still open on this node"}
    except (RefusedError, OSError) as reason:
        return {"open": str(reason)}
    return {"open": ""}
