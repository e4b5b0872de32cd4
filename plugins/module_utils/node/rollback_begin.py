# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the transaction that takes one role of a run back on this node."""

from __future__ import annotations

from typing import Any

from . import rollback, store
from .begin import begin
from .system import System


def main(payload: dict[str, Any]) -> dict[str, Any]:
    """Begin the rollback of payload["of"], payload["role"]. See rollback_begin."""
    return rollback_begin(payload, store.BASE, System())


def rollback_begin(payload: dict[str, Any], base: str, system: System) -> dict[str, Any]:
    """Return begin's answer with "known", "nothing" (all is as before) and "files".

    payload: of, role, run (the rollback's own id), host, force, window, limit, agent (source).
    """
    of = next(
        (each for each in store.kept(base) if (each.run, each.role) == (payload["of"], payload["role"])), None
    )
    answer: dict[str, Any] = {"known": of is not None, "nothing": False, "begun": False, "files": []}
    if of is None:
        return {**answer, "reason": f"this node keeps nothing of {payload['role']} of run {payload['of']}"}
    if not of.closed:
        return {**answer, "reason": f"the transaction {of.role} of run {of.run} is still open on this node"}
    transaction, judged = rollback.build(base, of, payload)
    answer["files"] = [{key: one[key] for key in ("path", "status", "told")} for one in judged]
    newer = [f"{one['path']} ({one['told']})" for one in judged if one["status"] == rollback.NEWER]
    if newer:
        return {**answer, "reason": f"an upgrade came after run {of.run}: {', '.join(newer)}"}
    moved = [f"{one['path']} ({one['told']})" for one in judged if one["status"] == rollback.MOVED]
    if moved and not payload["force"]:
        return {**answer, "reason": f"changed since run {of.run}, so not overwritten: {', '.join(moved)}"}
    if not transaction["changes"]:
        return {**answer, "nothing": True, "reason": f"everything is as it was before run {of.run}"}
    return {**answer, **begin(transaction, payload["agent"], base, system)}
