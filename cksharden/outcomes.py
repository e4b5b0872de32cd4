# SPDX-License-Identifier: Apache-2.0
"""From the results of a playbook to what became of each host, and the files that keep it."""

from __future__ import annotations

from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import facts_path
from cksharden.errors import IncompleteError
from cksharden.rundir import RunDir, write_file
from cksharden.runner import HostResult, PlaybookResult
from cksharden.transactions import HostOutcome, Transaction

_NOT_BEGUN = "the run stopped before its turn; nothing was changed there"


def host_outcomes(played: PlaybookResult, hosts: tuple[str, ...]) -> tuple[HostOutcome, ...]:
    """Return what became of `hosts`, in their order; one that Ansible does not mention was not begun.

    Raises:
        IncompleteError: Ansible mentions none.
    """
    if not played.hosts:
        raise IncompleteError(played.error or f"Ansible ended with {played.rc} and asked no host")
    return tuple(
        _outcome(played.hosts[host]) if host in played.hosts else HostOutcome(host, "not_begun", _NOT_BEGUN)
        for host in hosts
    )


def save(run: RunDir, outcomes: tuple[HostOutcome, ...]) -> tuple[HostOutcome, ...]:
    """Write `apply/<host>.json` for each; return them."""
    run.make(run.apply)
    for outcome in outcomes:
        write_file(facts_path(run.apply, outcome.host), msgspec.json.encode(outcome) + b"\n")
    return outcomes


def _outcome(result: HostResult) -> HostOutcome:
    transactions = tuple(_transaction(answer) for answer in result.answers if "outcome" in answer)
    return HostOutcome(result.host, result.status, result.message, transactions)


def _transaction(answer: dict[str, Any]) -> Transaction:
    """Read the answer of the action plugins node_transaction and node_rollback."""
    return Transaction(
        role=str(answer.get("role", "")),
        outcome=str(answer["outcome"]),
        reason=str(answer.get("reason") or ""),
        kubelet_error=str(answer.get("kubelet_error") or ""),
        proved=bool(answer.get("proved", True)),
    )
