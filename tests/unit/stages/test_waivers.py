# SPDX-License-Identifier: Apache-2.0
"""Waivers: read and refused, whom they except until when, and that they govern check and plan alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cksharden.errors import ExitCode, ProfileError
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts, Unreachable
from cksharden.model import Status, Waiver
from cksharden.plan import make_plan
from cksharden.policy import Selection
from cksharden.waivers import SOON, Waivers, load
from tests.unit.stages.test_plan import CONTROLS, node

MODE, TLS = "kubelet_config_mode", "kubelet_tls_min_version"
LAST = date(2027, 1, 31)
GOOD = {"control": MODE, "hosts": "w*", "owner": "platform", "reason": "an agent reads it"}


def waiver(control: str = MODE, hosts: str = "w*", expires: date = LAST) -> Waiver:
    return Waiver(control, hosts, "platform", "an agent reads it", expires.isoformat())


def row(expires: str = "2027-01-31", **changes: str) -> str:
    """Return a row of waivers.yml; values are YAML as they are."""
    keys = GOOD | {"expires": expires} | changes
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def written(directory: Path, *rows: str) -> Waivers:
    (directory / "waivers.yml").write_text("waivers:\n" + "".join(f"  - {row}\n" for row in rows))
    return load(directory, CONTROLS)


def test_no_file_is_no_waiver_and_a_date_may_be_in_quotes(tmp_path: Path) -> None:
    assert load(tmp_path, CONTROLS) == Waivers()
    plain = written(tmp_path, row()).waivers
    assert plain == (waiver(),)
    assert written(tmp_path, row("'2027-01-31'")).waivers == plain
    (tmp_path / "waivers.yml").write_text(
        f"waivers:\n- control: {MODE}\n  hosts: w*\n  owner: platform\n"
        "  reason: |\n    an agent\n    reads it\n  expires: 2027-01-31\n"
    )
    assert load(tmp_path, CONTROLS).waivers == plain, "told in one line, however it is written"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (row().replace(", expires: 2027-01-31", ""), "waivers.0.expires", "expires"),
        (row("31.01.2027"), "waivers.0.expires", "'31.01.2027' is no date"),
        (row("2027-02-30"), "waivers.0.expires", "'2027-02-30' is no date"),
        (row("2027-W05-7"), "waivers.0.expires", "is no date"),
        (row("2027-01-31 12:00:00"), "waivers.0.expires", "is no date"),
        (row("never"), "waivers.0.expires", "'never' is no date"),
        (row("2027"), "waivers.0.expires", "must be a text, not a whole number"),
        (row(until="2028-01-31"), "waivers.0.until", "there is no key `until`"),
        (row(owner="''"), "waivers.0.owner", "empty"),
        (row(reason="' '"), "waivers.0.reason", "empty"),
        (row(control="kubelet_config_mod"), "waivers.0.control", "no such control"),
        (row(hosts="[w1, w2]"), "waivers.0.hosts", "`hosts` must be a text, not a list"),
        (MODE, "waivers.0", "each of `waivers` must be a mapping, not a text"),
    ],
)
def test_a_bad_waiver_names_file_line_key_and_mend(tmp_path: Path, text: str, key: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        written(tmp_path, text)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert (error.file, error.key) == (f"{tmp_path / 'waivers.yml'}:2", key)
    assert said in error.message
    assert error.mend


@pytest.mark.parametrize("text", ["", "- a list\n", "exceptions: []\n", "waivers: {}\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "waivers.yml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        load(tmp_path, CONTROLS)
    assert "docs/profiles-and-waivers.md" in (caught.value.mend or "")


def test_the_same_waiver_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        written(tmp_path, row(), row("2027-02-28"))
    assert (caught.value.file or "").endswith("waivers.yml:3")
    assert "waivers.yml:2" in caught.value.message


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("w1", True), ("w*", True), ("edge", True), ("all", True), ("W1", False), ("w", False), ("etcd", False)],
)
def test_a_waiver_that_matches_no_host_is_refused(pattern: str, matches: bool) -> None:
    waivers = Waivers((waiver(hosts=pattern),), ("waivers.yml:2",))
    waivers.check({})  # recorded facts that do not say which groups there are
    inventory = {"all": ["w1", "w2"], "ungrouped": [], "edge": ["w2"], "etcd": []}
    if matches:
        waivers.check(inventory)
        return
    with pytest.raises(ProfileError, match=f"'{pattern}' matches no host") as caught:
        waivers.check(inventory)
    assert caught.value.file == "waivers.yml:2"
    assert "edge" in (caught.value.mend or "")


PATTERNS = st.sampled_from(["w*", "w1", "cp*", "edge", "all", "?1", "other"])
CONTROL = st.sampled_from([MODE, TLS])
NEAR = st.dates(LAST - timedelta(days=40), LAST + timedelta(days=40))


@given(st.lists(st.builds(waiver, CONTROL, PATTERNS, NEAR)), NEAR)
def test_a_host_is_excepted_by_the_waiver_that_holds_longest(all_of_them: list[Waiver], today: date) -> None:
    held = Waivers(tuple(all_of_them)).on(today)
    for host, groups in {"w1": ("edge",), "w2": (), "cp1": ("kube_control_plane",)}.items():
        ends = [
            one.expires
            for one in all_of_them
            if one.control == MODE and (one.hosts in (*groups, "all") or fnmatchcase(host, one.hosts))
        ]
        found = held.of(MODE, host, groups)
        assert (found.expires if found else None) == max(ends, default=None)
        if found:
            assert held.expired(found) is (found.expires < today.isoformat())


@given(st.lists(st.builds(waiver, CONTROL, PATTERNS, NEAR)), NEAR)
def test_a_waiver_turns_fail_into_waived_changes_nothing_else_and_is_never_planned(
    all_of_them: list[Waiver], today: date
) -> None:
    broken = node("w2")
    broken.sections["files"] = {"schema": "1.0", "status": "error", "reason": "took too long"}
    facts: Collected = {"w1": NodeFacts("w1", node().sections, ("edge",)), "w2": broken}
    facts |= {"cp1": node("cp1", "control_plane", config_mode="0600"), "w3": Unreachable("w3", "timed out")}
    selection = Selection("p", (CONTROLS[MODE], CONTROLS[TLS]))
    plain = evaluate(selection, facts, run="r")
    held = evaluate(selection, facts, run="r", waivers=Waivers(tuple(all_of_them)).on(today))
    plan = make_plan(held, selection, facts)
    changed = {
        (host, item["control"])
        for host, one in plan.hosts.items()
        for items in one.settings.values()
        for item in items
    }
    assert len(plain.findings) == len(held.findings) == 8
    for before, after in zip(plain.findings, held.findings, strict=True):
        used = after.waiver
        in_force = used is not None and used.expires >= today.isoformat()
        assert (after.status is Status.WAIVED) is in_force
        assert after.status is before.status or (before.status, after.status) == (Status.FAIL, Status.WAIVED)
        assert before.reason in after.reason
        assert (used is None) or (used.owner in after.reason and used.expires in after.reason)
        assert ((after.host, after.control) in changed) is (after.status is Status.FAIL)


@pytest.mark.parametrize(
    ("today", "status", "note"),
    [
        (LAST - timedelta(days=SOON + 1), Status.WAIVED, ""),
        (LAST - timedelta(days=SOON), Status.WAIVED, "expires on 2027-01-31, in 30 days"),
        (LAST - timedelta(days=1), Status.WAIVED, "expires on 2027-01-31, tomorrow"),
        (LAST, Status.WAIVED, "expires on 2027-01-31, today"),
        (LAST + timedelta(days=1), Status.FAIL, "expired on 2027-01-31: it fails again"),
    ],
)
def test_the_last_day_counts_and_is_told_of_in_time(today: date, status: Status, note: str) -> None:
    selection = Selection("p", (CONTROLS[MODE],))
    found = evaluate(
        selection, {"w1": node(), "w2": node("w2")}, run="r", waivers=Waivers((waiver(),)).on(today)
    )
    assert [one.status for one in found.findings] == [status, status]
    assert [one.endswith(note) for one in found.notes] == ([True] if note else [])
    assert all("platform" in one for one in found.notes)


def test_what_needs_a_waived_control_is_left_out() -> None:
    tls = CONTROLS[TLS]
    needing = replace(tls, control=msgspec.structs.replace(tls.control, needs=(MODE,)))
    selection = Selection("p", (CONTROLS[MODE], needing))
    found = evaluate(selection, {"w1": node()}, run="r", waivers=Waivers((waiver(),)).on(LAST))
    plan = make_plan(found, selection, {"w1": node()})
    assert not plan.changes
    assert f"needs {MODE}, which is waived" in plan.hosts["w1"].left_out[0].reason
