# SPDX-License-Identifier: Apache-2.0
"""The text report says what fails first, says a thing once, and can't move the terminal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cksharden.errors import ExitCode
from cksharden.model import HostPlan, LeftOut, NodeKind, Outcome, Plan, Status, Verification
from cksharden.records import exit_code
from cksharden.report import REPORTERS, Options, View
from cksharden.report.sheet import Sheet, clean
from cksharden.transactions import HostOutcome, Transaction
from cksharden.vocabulary import Severity
from tests.unit.report.samples import RUN, facets, finding, plan, view


def text(shown: View, *, everything: bool = False, colours: bool = False) -> str:
    return REPORTERS["text"].render(shown, Options(everything, colours))


def test_the_most_severe_failure_comes_first_and_passes_are_only_counted() -> None:
    shown = text(
        view(
            finding("low_one", severity=Severity.LOW),
            finding("fine", status=Status.PASS),
            finding("worst_one", severity=Severity.CRITICAL),
        )
    )
    assert shown.index("worst_one") < shown.index("low_one")
    assert "fine" not in shown
    assert shown.splitlines()[-1] == f"Run {RUN}; again: cksharden report {RUN}"


def test_hosts_that_fail_alike_are_one_entry() -> None:
    alike: dict[str, Any] = {
        "observed": "VersionTLS12",
        "expected": "VersionTLS13",
        "source": "/var/lib/kubelet/config.yaml",
    }
    shown = text(view(*(finding(host=host, **alike) for host in ("cp1", "w1", "w2"))))
    assert (
        "kubelet_tls: expected VersionTLS13\n          cp1, w1, w2: VersionTLS12 (/var/lib/kubelet/config.yaml)\n"
        in shown
    )
    assert shown.count("kubelet_tls") == 1


def test_hosts_that_fail_differently_are_two_entries_of_one_control() -> None:
    shown = text(
        view(finding(host="cp1", observed=1, expected=0), finding(host="w1", observed=2, expected=0))
    )
    assert "expected 0\n          cp1: 1\n          w1: 2\n" in shown
    assert shown.count("kubelet_tls") == 1


def test_several_observations_are_told_by_the_reason() -> None:
    said = "running: VersionTLS12 (declared: VersionTLS13)"
    shown = text(
        view(finding(observed="VersionTLS12", reason=said, items=facets("VersionTLS13", "VersionTLS12")))
    )
    assert said in shown


def test_what_apply_would_do_stands_at_the_failure() -> None:
    report_only = LeftOut("by_hand", "it is report only")
    shown = text(
        view(
            finding("kubelet_tls"),
            finding("kubelet_config_mode"),
            finding("by_hand"),
            plan=plan("w1", left_out=(report_only,)),
        )
    )
    assert "apply changes it and restarts the kubelet" in shown
    assert "apply changes it\n" in shown
    assert "apply leaves it: it is report only" in shown


def test_an_unreachable_host_is_told_once() -> None:
    unreachable = [
        finding(control, host, Status.UNKNOWN, reason="unreachable: Connection refused")
        for host in ("w1", "w2")
        for control in ("a", "b", "c")
    ]
    shown = text(view(*unreachable))
    assert "w1, w2: unreachable: Connection refused (all controls)" in shown
    assert shown.count("unreachable") == 1


def test_one_unknown_control_is_named() -> None:
    shown = text(
        view(finding("a", status=Status.PASS), finding("b", status=Status.UNKNOWN, reason="unreadable"))
    )
    assert "w1: unreadable (b)" in shown


def test_many_hosts_do_not_fill_the_screen() -> None:
    shown = text(view(*(finding(host=f"w{number:03}", status=Status.PASS) for number in range(200))))
    assert len(shown.splitlines()) < 30
    assert "180 others" in shown


def test_a_long_expectation_is_shortened_unless_all_is_asked_for() -> None:
    long = view(finding(observed="x", expected=", ".join(f"TLS_SUITE_{number}" for number in range(40))))
    assert "TLS_SUITE_39" not in text(long)
    assert "TLS_SUITE_39" in text(long, everything=True)


def test_everything_lists_what_passes() -> None:
    shown = text(view(finding("fine", status=Status.PASS)), everything=True)
    assert "w1  fine: reason of fine" in shown


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x9b31m", "\r", "\x07", "\u202e", "\x00", "\x85", "\u2028", "\x7f"]
)
def test_nothing_of_a_node_reaches_the_terminal_raw(hostile: str) -> None:
    evil = f"a{hostile}b"
    shown = text(
        view(
            finding("fails", observed=evil, source=evil, expected=evil),
            finding("unknown", status=Status.UNKNOWN, reason=evil),
            finding("passes", status=Status.PASS, reason=evil, host=evil),
            outcomes=(HostOutcome("w1", "failed", evil, (Transaction("kubelet", "restored", evil, evil),)),),
            verification=Verification(
                RUN, (), (Outcome(evil, evil, Status.FAIL, Status.FAIL, True, evil),), ()
            ),
        ),
        everything=True,
    )
    assert hostile not in shown
    assert clean(evil) in shown


def test_cleaning_twice_changes_nothing_more() -> None:
    assert clean(clean("\x1b[2J äöü 日本")) == clean("\x1b[2J äöü 日本") == "\\x1b[2J äöü 日本"


def test_colours_only_where_they_are_wanted() -> None:
    assert "\x1b" not in text(view(finding(severity=Severity.HIGH)))
    assert "\x1b[31mhigh" in text(view(finding(severity=Severity.HIGH)), colours=True)


def test_a_plan_shows_each_file_with_its_diff() -> None:
    shown = text(view(finding(), command="plan", plan=plan("w1", "w2")))
    assert "1. w1, w2: worker, restarts kubelet" in shown
    assert "    -old\n    +new\n" in shown
    assert "/var/lib/kubelet/config.yaml  mode 0644 → 0600" in shown
    assert "for kubelet_config_mode" in shown


def test_hosts_that_change_one_after_another_are_shown_one_after_another() -> None:
    given = plan("cp1", "cp2", "w1")
    in_turn = msgspec.structs.replace(given, order=(("cp1",), ("cp2",), ("w1",)))
    shown = text(view(finding(), command="plan", plan=in_turn))
    places = [shown.index(title) for title in ("1. cp1:", "2. cp2:", "3. w1:")]
    assert places == sorted(places)


def test_a_secret_file_is_told_by_digests_alone() -> None:
    shown = text(view(finding(), command="plan", plan=plan("w1", secret=True)))
    assert "holds a secret: sha256:old → known on the node alone" in shown


def test_what_is_left_out_is_told_once_for_all_hosts() -> None:
    shown = text(
        view(finding(), command="plan", plan=plan("w1", "w2", left_out=(LeftOut("c", "it is opt-in"),)))
    )
    assert shown.count("c (w1, w2): it is opt-in") == 1


def test_a_diff_of_a_file_with_odd_line_ends_stays_a_diff() -> None:
    sheet = Sheet()
    sheet.diff("+one\x0ctwo\n+three\u2028four\r\n", "  ")
    assert sheet.text() == "  +one\\x0ctwo\n  +three\\u2028four\\r\n"


def test_a_restored_node_shows_the_line_of_its_kubelet_and_what_to_do() -> None:
    restored = Transaction("kubelet", "restored", "the kubelet did not start", "unknown field tlsMinVersio")
    shown = text(view(finding(), command="apply", outcomes=(HostOutcome("w1", "failed", "", (restored,)),)))
    assert "w1: kubelet: put back as it was before: the kubelet did not start" in shown
    assert "the kubelet says: unknown field tlsMinVersio" in shown
    assert "next: " in shown


@pytest.mark.parametrize("command", ["apply", "verify"])
def test_a_proof_names_what_was_missed_and_what_became_worse(command: str) -> None:
    proved = Outcome("w1", "good", Status.FAIL, Status.PASS, True)
    missed = Outcome("w1", "kubelet_tls", Status.FAIL, Status.FAIL, True, "a flag overrides it")
    worse = Outcome("w1", "kubelet_mode", Status.PASS, Status.FAIL, False, "mode is 0666")
    done = HostOutcome("w1", "ok", "", (Transaction("kubelet", "committed"),))
    outcomes = (done,) if command == "apply" else ()  # verify changes nothing
    proof = Verification(RUN, (proved,), (missed,), (worse,))
    shown = text(view(finding(), command=command, outcomes=outcomes, verification=proof))
    assert "proved 1, missed 1, worse 1" in shown
    assert "missed  w1  kubelet_tls: was fail, is fail: a flag overrides it" in shown
    assert "worse  w1  kubelet_mode: was pass, is fail: mode is 0666" in shown


def test_a_proof_tells_of_an_unreachable_host_once() -> None:
    gone = [Outcome("w1", name, Status.PASS, Status.UNKNOWN, False, "unreachable: closed") for name in "ab"]
    one = Outcome("w2", "c", Status.FAIL, Status.UNKNOWN, True, "it was not collected this time")
    proof = Verification(RUN, (), (), (), (*gone, one))
    verified = view(finding(status=Status.PASS), command="verify", verification=proof)
    shown = text(verified)
    assert "proved 0, missed 0, worse 0, unknown 3" in shown
    assert shown.count("unknown  w1  2 controls: unreachable: closed") == 1
    assert "unknown  w2  c: it was not collected this time" in shown
    assert exit_code(verified) is ExitCode.INCOMPLETE


def test_a_host_of_which_not_all_is_asked_is_one_entry_too() -> None:
    """A profile leaves a control out of w2's group; nothing at all could be told of either host."""
    asked = [("w1", "a"), ("w1", "b"), ("w1", "c"), ("w2", "a"), ("w2", "b")]
    gone = (finding(name, host, Status.UNKNOWN, reason="unreachable: closed") for host, name in asked)
    shown = text(view(*gone, finding("c", "w2", Status.NOT_APPLICABLE)))
    assert "w1, w2: unreachable: closed (all controls)" in shown


def test_a_plan_without_changes_says_how_much_it_knows() -> None:
    nothing = HostPlan(NodeKind.WORKER, {})
    for planned, said in (
        ({}, "Plan: nothing could be planned: no node could be asked."),
        ({"w1": nothing}, "Plan: nothing to change on the nodes that could be asked."),
        ({"w1": nothing, "w2": nothing}, "Plan: nothing to change."),
    ):
        both = (finding(host="w1"), finding(host="w2"))
        assert said in text(view(*both, command="plan", plan=Plan(RUN, planned, ())))


def test_working_and_watching_are_told_apart_and_keep_no_hosts_apart() -> None:
    quick, slow = (
        HostOutcome(host, "ok", "", (Transaction("kubelet", "committed", seconds=seconds, watched=30),))
        for host, seconds in (("w1", 32), ("w2", 41))
    )
    shown = text(view(finding(), command="apply", outcomes=(quick, slow)))
    assert "w1, w2: kubelet: changed (working 11 s, watching 30 s)" in shown
