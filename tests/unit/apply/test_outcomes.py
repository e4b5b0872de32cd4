# SPDX-License-Identifier: Apache-2.0
"""What became of a host is told for every planned host, and only a commit is complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cksharden.errors import IncompleteError
from cksharden.outcomes import host_outcomes, save
from cksharden.rundir import RunDir
from cksharden.runner import HostResult, PlaybookResult
from cksharden.transactions import HostOutcome


def played(*results: HostResult, rc: int = 0, error: str = "") -> PlaybookResult:
    return PlaybookResult(rc, {one.host: one for one in results}, matched=True, error=error)


def answered(**answer: Any) -> HostOutcome:
    (outcome,) = host_outcomes(played(HostResult("w1", "ok", "", (answer,))), {"w1": ()})
    return outcome


@pytest.mark.parametrize(
    ("outcome", "complete"),
    [
        ("committed", True),
        ("nothing", True),
        ("restored", False),
        ("refused", False),
        ("abandoned", False),
        ("open", False),
    ],
)
def test_only_a_commit_is_complete(outcome: str, complete: bool) -> None:
    assert answered(role="kubelet", outcome=outcome).complete is complete


def test_the_kubelets_own_line_is_kept() -> None:
    (transaction,) = answered(
        role="kubelet", outcome="restored", reason="it died", kubelet_error="unknown field", proved=False
    ).transactions
    assert (transaction.reason, transaction.kubelet_error, transaction.proved) == (
        "it died",
        "unknown field",
        False,
    )


def test_an_answer_that_is_not_understood_is_no_success() -> None:
    with pytest.raises(IncompleteError, match="outcome"):
        answered(role="kubelet", outcome="splendid")


def test_an_answer_that_is_no_transaction_is_passed_over() -> None:
    assert answered(settings=3).transactions == ()


def test_a_host_whose_turn_did_not_come_is_told_and_not_complete() -> None:
    files = {"role": "file_access", "outcome": "committed"}
    broken = HostResult("cp1", "failed", "why", ())
    waiting = HostResult("w1", "ok", "", (files,))
    roles = ("kubelet", "file_access")
    first, second, third = host_outcomes(
        played(broken, waiting, rc=2), {"cp1": roles, "w1": roles, "w2": roles}
    )
    assert (first.status, first.message, first.complete) == ("failed", "why", False)
    assert [(one.role, one.outcome) for one in second.transactions] == [
        ("file_access", "committed"),
        ("kubelet", "not_begun"),
    ]
    assert [one.outcome for one in third.transactions] == ["not_begun", "not_begun"]
    assert not second.complete
    assert not third.complete


def test_outcomes_are_files_of_their_hosts(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    save(run, (HostOutcome("a/b", "ok"), HostOutcome("w1", "unreachable", "no route")))
    assert sorted(path.name for path in run.apply.iterdir()) == ["a%2Fb.json", "w1.json"]


def test_a_role_of_which_a_node_keeps_nothing_is_not_told() -> None:
    assert answered(role="kubelet", outcome="nothing", known=False).transactions == ()
    assert answered(role="kubelet", outcome="nothing", known=True).transactions != ()
