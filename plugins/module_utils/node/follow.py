# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the controller how a transaction goes: a long poll of its journal that changes nothing."""

from __future__ import annotations

import os
import time
from typing import Any

from . import journal, store
from .system import System

LONGEST_WAIT = 20
"""Seconds that one call may take, so that a cut connection is noticed."""


def main(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the journal of payload["run"], payload["role"] once it holds more than payload["seen"] records.

    Or after payload["wait"] seconds. A closed transaction is told of when its unit is gone as well.
    """
    return follow(payload, store.BASE, System())


def follow(payload: dict[str, Any], base: str, system: System) -> dict[str, Any]:
    """Return {"known": bool, "closed": bool, "records": [...]}."""
    path = os.path.join(store.directory(base, payload["run"], payload["role"]), "journal")
    deadline = time.monotonic() + min(LONGEST_WAIT, int(payload.get("wait", 0)))
    while True:
        try:
            records = journal.read(path)
        except (FileNotFoundError, NotADirectoryError):
            return {"known": False, "closed": False, "records": []}
        closed = journal.is_closed(records)
        told = system.agent_state() == "absent" if closed else len(records) > int(payload.get("seen", 0))
        if told or time.monotonic() >= deadline:
            return {"known": True, "closed": closed, "records": records}
        time.sleep(0.3)
