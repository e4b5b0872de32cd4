# SPDX-License-Identifier: Apache-2.0
"""A transaction that has not ended, and a run that did not, are named and make a run incomplete."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cksharden import records
from cksharden.errors import ExitCode
from cksharden.model import Status
from cksharden.report import REPORTERS, Options, View
from cksharden.transactions import OpenTransaction, still_open
from tests.unit.report.samples import RUN, finding, view

OPEN = OpenTransaction("w1", RUN, "kubelet", "swapping")
KEPT = {"run": RUN, "role": "kubelet", "last_step": "swapping", "closed": False, "outcome": None}


def test_only_what_is_not_closed_is_open() -> None:
    closed = KEPT | {"closed": True, "last_step": "closed", "outcome": "committed"}
    assert still_open("w1", {"runs": [closed, KEPT]}) == (OPEN,)
    assert still_open("w1", {"runs": [closed]}) == ()


def test_a_journal_without_a_step_is_open() -> None:
    (one,) = still_open("w1", {"runs": [KEPT | {"last_step": None}]})
    assert one == OpenTransaction("w1", RUN, "kubelet", "")


@pytest.mark.parametrize("data", [{}, {"runs": None}, {"runs": ["x"]}])
def test_a_list_that_is_not_understood_is_no_empty_list(data: dict[str, Any]) -> None:
    (one,) = still_open("w1", data)
    assert "not understood" in one.reason


@pytest.mark.parametrize("command", ["check", "plan", "apply"])
def test_it_comes_first_in_the_text(command: str) -> None:
    shown = view(finding(), command=command, open_transactions=(OPEN,))
    lines = REPORTERS["text"].render(shown, Options()).splitlines()
    assert lines[:3] == [
        "Still open",
        (
            f"w1: run {RUN}, role kubelet, step swapping: a transaction is still open: files may be half changed; "
            "its agent finishes by itself"
        ),
        "",
    ]


def test_it_is_in_the_json() -> None:
    shown = json.loads(REPORTERS["json"].render(view(finding(), open_transactions=(OPEN,)), Options()))
    assert shown["open_transactions"] == [
        {"host": "w1", "run": RUN, "role": "kubelet", "step": "swapping", "reason": ""}
    ]
    assert json.loads(REPORTERS["json"].render(view(finding()), Options()))["open_transactions"] == []


def test_it_beats_findings_and_compliance() -> None:
    for status in (Status.PASS, Status.FAIL):
        shown = view(finding(status=status), open_transactions=(OPEN,))
        assert records.exit_code(shown) is ExitCode.INCOMPLETE


def test_a_run_that_did_not_live_to_note_its_end_says_so() -> None:
    shown = view(finding(status=Status.PASS), command="apply", interrupted=True)
    assert records.exit_code(shown) is ExitCode.INCOMPLETE
    assert "This apply began to change nodes and was interrupted" in REPORTERS["text"].render(
        shown, Options()
    )
    assert json.loads(REPORTERS["json"].render(shown, Options()))["interrupted"] is True


def test_an_interrupted_run_without_findings_says_it_once() -> None:
    shown = View(RUN, "apply", "", None, f"cksharden report {RUN}", interrupted=True)
    said = REPORTERS["text"].render(shown, Options())
    assert "was interrupted" in said
    assert "stopped before it found" not in said
