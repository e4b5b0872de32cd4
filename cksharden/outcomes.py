# SPDX-License-Identifier: Apache-2.0
"""From the results of a playbook to what became of each host, and the files that keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import facts_path
from cksharden.errors import IncompleteError
from cksharden.rundir import RunDir, write_file
from cksharden.runner import HostResult, PlaybookResult
from cksharden.transactions import HostOutcome, Transaction

_NOT_BEGUN = "the run stopped before its turn; nothing was changed there"


def host_outcomes(played: PlaybookResult, expected: Mapping[str, tuple[str, ...]]) -> tuple[HostOutcome, ...]:
    """Return what became of each expected host, in that order; none is silently absent.

    Args:
        played: what the playbook did.
        expected: host -> the roles that have something to change on it.

    Raises:
        IncompleteError: Ansible asked no host at all.
    """
    if not played.hosts:
        raise IncompleteError(played.error or f"Ansible ended with {played.rc} and asked no host")
    return tuple(_outcome(host, played.hosts.get(host), roles) for host, roles in expected.items())


def save(run: RunDir, outcomes: tuple[HostOutcome, ...]) -> tuple[HostOutcome, ...]:
    """Write `apply/<host>.json` for each; return them."""
    run.make(run.apply)
    for outcome in outcomes:
        write_file(facts_path(run.apply, outcome.host), msgspec.json.encode(outcome) + b"\n")
    return outcomes


def _outcome(host: str, result: HostResult | None, roles: tuple[str, ...]) -> HostOutcome:
    answers = result.answers if result else ()
    transactions = [_transaction(answer) for answer in answers if "outcome" in answer]
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
