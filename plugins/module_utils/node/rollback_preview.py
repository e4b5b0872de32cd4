# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what a rollback of a run would do on this node; changes nothing."""

from __future__ import annotations

from typing import Any

from . import rollback, store
from .encryption_settings import ENCRYPTION
from .store import Kept


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
        files = _judged(base, each)
        told = [{key: one[key] for key in ("path", "status", "told")} for one in files]
        roles.append({"role": each.role, "outcome": each.outcome, "files": told})
    return {"known": bool(mine), "open": any(not each.closed for each in mine), "roles": roles}


def _judged(base: str, of: Kept) -> list[rollback.Judged]:
    """Return what a rollback would do with each file, once the later rounds of encryption have gone back."""
    if not of.closed:
        return []
    files = rollback.judge(base, of)
    later = [each for each in store.kept(base) if each.run == of.run and _follows(each.role, of.role)]
    goes_back = {
        one["path"]
        for each in later
        if each.closed
        for one in rollback.judge(base, each)
        if one["status"] == rollback.RESTORE
    }
    for one in files:
        if one["status"] == rollback.MOVED and one["path"] in goes_back:
            one.update(status=rollback.RESTORE, told="")
    return files


def _follows(role: str, other: str) -> bool:
    """Tell whether both are rounds of one file, and role the later one."""
    begin = f"{ENCRYPTION}_"
    return role.startswith(begin) and other.startswith(begin) and role > other
