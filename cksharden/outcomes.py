# SPDX-License-Identifier: Apache-2.0
"""From the results of a playbook to what became of each host, and the files that keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import facts_path
from cksharden import configuration, lock
from cksharden.errors import CkshardenError, IncompleteError
from cksharden.rundir import RunDir, write_file
from cksharden.runner import Connection, HostResult, PlaybookResult
from cksharden.transactions import HostOutcome, Transaction

_NOT_BEGUN = "the run stopped before its turn; nothing was changed there"


def carry_out(
    run: RunDir,
    expected: Mapping[str, tuple[str, ...]],
    inventory: Path,
    connection: Connection,
    play: Callable[[], PlaybookResult],
) -> tuple[str, ...]:
    """Play what changes nodes, keep in `apply/` what became of each host.

    Returns what there is to say of the lock and of kubeadm-config.

    Args:
        run: the run that changes them. Its `apply/` marks that nodes may have changed, also where nothing
            lives to write into it.
        expected: host -> the roles that have something to change on it.
        inventory: where the nodes are.
        connection: how to connect.
        play: runs the playbook.

    Raises:
        InventoryError: the inventory can't be used.
        IncompleteError: Ansible failed before it asked a host, or another run has the lock.
    """
    run.make(run.apply)
    try:
        played = play()
        lock.refuse(played, inventory)
        if not played.hosts:
            raise IncompleteError(played.error or f"Ansible ended with {played.rc} and asked no host")
    except CkshardenError:
        run.apply.rmdir()
        raise
    save(run, host_outcomes(played, expected))
    told = lock.notices(played) + configuration.notices(played)
    return told + lock.give_back(played, run.run, inventory, connection)


def host_outcomes(played: PlaybookResult, expected: Mapping[str, tuple[str, ...]]) -> tuple[HostOutcome, ...]:
    """Return what became of each expected host, in that order; none is silently absent.

    Args:
        played: what the playbook did.
        expected: host -> the roles that have something to change on it.

    Raises:
        IncompleteError: a node's answer is not understood.
    """
    return tuple(_outcome(host, played.hosts.get(host), roles) for host, roles in expected.items())


def save(run: RunDir, outcomes: tuple[HostOutcome, ...]) -> None:
    """Write `apply/<host>.json` for each."""
    run.make(run.apply)
    for outcome in outcomes:
        write_file(facts_path(run.apply, outcome.host), msgspec.json.encode(outcome) + b"\n")


def _outcome(host: str, result: HostResult | None, roles: tuple[str, ...]) -> HostOutcome:
    answers = result.answers if result else ()
    # A node that keeps nothing of the run that goes back says so in the preview, once for all roles.
    told = [answer for answer in answers if "outcome" in answer and answer.get("known") is not False]
    transactions = [_transaction(answer) for answer in told]
    status, message = (result.status, result.message) if result else ("ok", "")
    if status == "ok":
        done = {one.role for one in transactions}
        transactions += [Transaction(role, "not_begun", _NOT_BEGUN) for role in roles if role not in done]
    return HostOutcome(host, status, message, tuple(transactions))


def _transaction(answer: dict[str, Any]) -> Transaction:
    """Read the answer of the action plugins node_transaction and node_rollback.

    Raises:
        IncompleteError: it is not one of theirs.
    """
    given = {key: answer[key] for key in Transaction.__struct_fields__ if answer.get(key) is not None}
    try:
        return msgspec.convert(given, Transaction)
    except msgspec.ValidationError as error:
        raise IncompleteError(f"a node's answer is not understood: {error}") from error
