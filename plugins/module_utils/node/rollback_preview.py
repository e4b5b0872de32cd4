# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what a rollback of a run would do on this node; changes nothing."""

from __future__ import annotations

from typing import Any

from . import rollback, store


def main(payload: dict[str, Any]) -> dict[str, Any]:
    """Return how payload["of"], a run, stands on this node. See preview."""
    return preview(payload, store.BASE)


def preview(payload: dict[str, Any], base: str) -> dict[str, Any]:
    """Return {"known", "open", "roles": [{"role", "outcome", "files": [{"path", "status", "told"}]}]}.

    known is false where the node keeps nothing of that run; the roles are those of the run, or the
    one that payload["role"] names.
    """
    mine = [
        each
        for each in store.kept(base)
        if each.run == payload["of"] and payload.get("role") in (None, each.role)
    ]
    roles = []
    for each in mine:
        files = rollback.judge(base, each) if each.closed else []
        told = [{key: one[key] for key in ("path", "status", "told")} for one in files]
        roles.append({"role": each.role, "outcome": each.outcome, "files": told})
    return {"known": bool(mine), "open": any(not each.closed for each in mine), "roles": roles}
