# SPDX-License-Identifier: Apache-2.0
"""The JSON report is whole, stable and harmless."""

from __future__ import annotations

import json
from typing import Any

from cksharden.model import Status, Verification
from cksharden.report import REPORTERS, Options
from cksharden.transactions import HostOutcome, Transaction
from tests.unit.report.samples import RUN, finding, plan, view


def test_it_holds_every_finding_and_the_counts() -> None:
    shown = document(finding("a"), finding("b", status=Status.PASS), finding("c", status=Status.UNKNOWN))
    assert (shown["format"], shown["schema"], shown["run"]) == ("cksharden-report", "1.0", RUN)
    assert shown["counts"] == {"pass": 1, "fail": 1, "unknown": 1, "not_applicable": 0, "waived": 0}
    assert [one["control"] for one in shown["findings"]] == ["a", "b", "c"]


def test_a_failure_says_what_apply_would_do() -> None:
    shown = document(finding("kubelet_tls"), plan=plan("w1"))
    assert shown["findings"][0]["remedy"] == "changes it and restarts the kubelet"
    assert shown["plan"]["hosts"]["w1"]["restarts"] == ["kubelet"]


def test_it_holds_what_the_nodes_answered_and_the_proof() -> None:
    outcomes = (HostOutcome("w1", "ok", "", (Transaction("kubelet", "committed"),)),)
    shown = document(finding(), outcomes=outcomes, verification=Verification(RUN, (), (), ()))
    assert shown["outcomes"][0]["transactions"][0]["outcome"] == "committed"
    assert shown["verification"]["proved"] == []


def test_it_is_ascii_without_control_characters() -> None:
    raw = REPORTERS["json"].render(view(finding(reason="\x1b[2J\x9b\x7f\u202eä")), Options())
    assert all(char == "\n" or " " <= char <= "~" for char in raw)


def document(*args: Any, **more: Any) -> Any:
    return json.loads(REPORTERS["json"].render(view(*args, **more), Options()))
