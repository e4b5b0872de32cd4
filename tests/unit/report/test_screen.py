# SPDX-License-Identifier: Apache-2.0
"""A summary fits a screen of 24 lines and 80 columns: what fails is there first, and where the rest is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cksharden.model import Finding, LeftOut, Status
from cksharden.report import REPORTERS, Options, Screen, View
from cksharden.transactions import HostOutcome, Transaction
from cksharden.vocabulary import Severity
from tests.unit.report.samples import finding, plan, view

SCREENS = Path(__file__).parent / "screens"
SMALLEST = Screen(80, 24)
SUITES = ", ".join(f"TLS_ECDHE_SUITE_{number}" for number in range(20))


def _of(host: str, failing: int, *, passing: int = 3) -> list[Finding]:
    """Return findings as a kubeadm default gives them: settings, a list of suites, a mode."""
    fails = [
        finding("kubelet_tls", host, expected="VersionTLS13", reason="tlsMinVersion is not set"),
        finding(
            "kubelet_config_mode", host, expected="mode at most 0600", reason="config.yaml: mode is 0644"
        ),
        finding("kubelet_cipher_suites", host, severity=Severity.HIGH, expected=SUITES, reason="is not set"),
        finding(
            "by_hand", host, severity=Severity.LOW, expected=True, observed=False, source="config.yaml:12"
        ),
        *(finding(f"kubelet_other_{number:02}", host, expected=number, observed=0) for number in range(20)),
    ]
    passes = [finding(f"kubelet_fine_{number}", host, Status.PASS) for number in range(passing)]
    return [*fails[:failing], *passes]


def _unreachable(host: str, controls: int) -> list[Finding]:
    reason = f"unreachable: ssh: connect to host {host}.example.org port 22: Connection timed out"
    return [
        finding(f"kubelet_fine_{number}", host, Status.UNKNOWN, reason=reason) for number in range(controls)
    ]


def _small() -> View:
    report_only = LeftOut("by_hand", "it is report only")
    return view(*_of("cp1", 4), *_of("w1", 4), plan=plan("cp1", "w1", left_out=(report_only,)))


def _large() -> View:
    hosts = [f"worker-{number:03}" for number in range(60)]
    down = [one for host in hosts[50:] for one in _unreachable(host, 3)]
    return view(*(one for host in hosts[:50] for one in _of(host, 24)), *down, plan=plan(*hosts[:50]))


def _applied() -> View:
    done = (Transaction("file_access", "committed"), Transaction("kubelet", "committed"))
    outcomes = tuple(HostOutcome(host, "ok", "", done) for host in ("cp1", "w1"))
    return view(*_of("cp1", 0), *_of("w1", 0), command="apply", plan=plan("cp1", "w1"), outcomes=outcomes)


VIEWS = {"small": _small, "large": _large, "applied": _applied}


@pytest.mark.parametrize("name", VIEWS)
def test_it_fits_and_looks_as_it_is_recorded(name: str) -> None:
    shown = REPORTERS["text"].render(VIEWS[name](), Options(screen=SMALLEST))
    assert shown == (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
    lines = shown.splitlines()
    assert len(lines) < SMALLEST.lines  # the last is for the prompt
    assert max(map(len, lines)) <= SMALLEST.columns


def test_a_larger_screen_shows_more() -> None:
    shown = REPORTERS["text"].render(_large(), Options(screen=Screen(80, 100)))
    assert shown.count("kubelet_other_") == 20
    assert "more: cksharden" not in shown


@pytest.mark.parametrize("options", [Options(), Options(everything=True)])
def test_no_failure_is_left_out_of_a_file_or_of_all(options: Options) -> None:
    shown = REPORTERS["text"].render(_large(), options)
    assert all(f"kubelet_other_{number:02}" in shown for number in range(20))
    assert "worker-049" in shown


def test_colours_take_no_room() -> None:
    coloured = REPORTERS["text"].render(_large(), Options(colours=True, screen=SMALLEST))
    plain = REPORTERS["text"].render(_large(), Options(screen=SMALLEST))
    assert coloured.count("\n") == plain.count("\n")
    assert "\x1b[0m" in coloured


def test_what_is_expected_of_each_host_stands_beside_it() -> None:
    shown = REPORTERS["text"].render(
        view(finding(host="w1", expected=1, observed=3), finding(host="w2", expected=2, observed=3)),
        Options(),
    )
    assert "expected 1\n          w1: 3" in shown
    assert "expected 2\n          w2: 3" in shown
