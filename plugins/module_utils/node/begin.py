# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a transaction on this node: write it below BASE, give it a unit, and return at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from typing import Any

from . import encryption_settings, fsio, gate, journal, static_pod_settings, store
from .journal import Journal
from .step import RefusedError
from .store import LockedError
from .system import System

_RESTARTS = (None, "kubelet.service", static_pod_settings.STATIC_PODS, encryption_settings.ENCRYPTION)
PATIENCE = 15
"""Seconds for the agent of a transaction that has just ended to go away."""


def main(payload: dict[str, Any]) -> dict[str, Any]:
    """Begin payload["transaction"]; payload["agent"] is the agent's source. See begin."""
    return begin(payload["transaction"], payload["agent"], store.BASE, System())


def begin(transaction: store.Transaction, agent: str, base: str, system: System) -> dict[str, Any]:
    """Return {"begun": bool, "reason": why not, "raised": what the gate's floors changed}."""
    try:
        raised = _begin(transaction, agent, base, system)
    except (RefusedError, LockedError, OSError) as reason:
        return {"begun": False, "reason": str(reason), "raised": []}
    return {"begun": True, "reason": "", "raised": raised}


def _begin(transaction: store.Transaction, agent: str, base: str, system: System) -> list[str]:
    _validate(transaction)
    store.make_base(base)
    with store.locked(base, PATIENCE):
        refuse_obstacles(base, system)
        directory = store.directory(base, transaction["run"], transaction["role"])
        if os.path.lexists(directory):
            raise RefusedError(
                f"the run {transaction['run']} has had its transaction {transaction['role']} here"
            )
        store.prune(base, {transaction["run"], transaction.get("of", "")})
        _check_room(base, transaction, agent)
        settings, raised = _gate(transaction)
        full = {
            **transaction,
            "gate": settings,
            "raised": raised,
            "boot_id": system.boot_id(),
            "python": sys.executable,
        }
        _write(base, directory, full, agent)
        try:
            system.install_agent(directory, sys.executable)
        except OSError:
            _close_unbegun(directory, "its unit could not be started", system)
            raise
    return raised


def _gate(transaction: store.Transaction) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the gate with its floors applied, and what they changed."""
    if not transaction["gate"]:
        return None, []
    if transaction["restart"] == static_pod_settings.STATIC_PODS:
        return static_pod_settings.settings(transaction["gate"])
    if transaction["restart"] == encryption_settings.ENCRYPTION:
        return encryption_settings.settings(transaction["gate"])
    return gate.settings(transaction["gate"])


def _validate(transaction: store.Transaction) -> None:
    """Raise RefusedError for a transaction that this agent does not understand."""
    if transaction.get("format") != "cksharden-transaction" or transaction.get("schema") != "1.0":
        raise RefusedError("it is no transaction of schema 1.0")
    paths = [change["path"] for change in transaction["changes"]]
    for path in paths:
        if not os.path.isabs(path) or os.path.normpath(path) != path:
            raise RefusedError(f"{path} is no absolute path")
        if paths.count(path) > 1:
            raise RefusedError(f"{path} would be changed twice")
    if transaction["restart"] not in _RESTARTS:
        raise RefusedError(f"{transaction['restart']} is nothing that a transaction restarts")
    if bool(transaction["restart"]) != bool(transaction["gate"]):
        raise RefusedError("a restart needs a gate, and a gate a restart")


def refuse_obstacles(base: str, system: System) -> None:
    """Raise RefusedError while another transaction is open on the node, or a kubeadm runs.

    The caller holds the lock. A transaction whose begin was interrupted is closed here, and an open
    one whose agent is gone gets it back.
    """
    for each in store.kept(base):
        if each.closed:
            continue
        state = system.agent_state()
        if state != "running" and not each.records:
            _close_unbegun(each.directory, "its beginning was interrupted", system)
            continue
        told = f"the transaction {each.role} of run {each.run} is still open on this node"
        if state != "running":
            transaction = store.read_json(each.directory, "transaction.json")
            system.install_agent(each.directory, transaction["python"])
            told += "; its agent was gone and has been started again"
        raise RefusedError(told)
    if system.runs_kubeadm():
        raise RefusedError("a kubeadm is running on this node")


def _close_unbegun(directory: str, reason: str, system: System) -> None:
    log = Journal(os.path.join(directory, "journal"))
    log.append("abandoned", {"reason": reason})
    log.append("closed", {"outcome": "abandoned", "reason": reason, "kubelet_error": None, "proved": True})
    log.close()
    with contextlib.suppress(OSError):
        system.remove_agent()


def _check_room(base: str, transaction: store.Transaction, agent: str) -> None:
    needed = fsio.KEPT_FREE + journal.ROOM + journal.ROOM_PER_CHANGE * len(transaction["changes"])
    needed += len(agent) + len(json.dumps(transaction))
    for change in transaction["changes"]:
        with contextlib.suppress(OSError):  # what can't be looked at is refused by the agent, with its path
            needed += os.stat(change["path"]).st_size if change["action"] in ("edit", "restore") else 0
    free = fsio.free_bytes(base)
    if free < needed:
        raise RefusedError(f"no room: the filesystem of {base} has {free} bytes free, {needed} are needed")


def _write(base: str, directory: str, transaction: store.Transaction, agent: str) -> None:
    """Make the directory of the transaction under another name, whole and on disk, then rename it."""
    made = os.path.join(base, f".new-{transaction['run']}-{transaction['role']}")
    os.mkdir(made, 0o700)
    try:
        os.mkdir(os.path.join(made, "backup"), 0o700)
        text = json.dumps(transaction, indent=1, sort_keys=True)
        fsio.write_new(os.path.join(made, "transaction.json"), text.encode("ascii"))
        fsio.write_new(os.path.join(made, "agent.py"), agent.encode("utf-8"))
        journal.create(os.path.join(made, "journal"), len(transaction["changes"]))
        fsio.sync_directory(made)
        run = os.path.dirname(directory)
        os.makedirs(run, 0o700, exist_ok=True)
        os.rename(made, directory)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    for place in (run, base):
        fsio.sync_directory(place)
