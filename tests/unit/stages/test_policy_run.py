# SPDX-License-Identifier: Apache-2.0
"""Profiles and waivers from the inventory to the report, on recorded facts."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cksharden import pipeline
from cksharden.cli.main import run
from cksharden.inventory import left_out
from cksharden.model import Findings, Status
from cksharden.order import Order
from cksharden.records import read
from cksharden.runner import Connection
from tests.unit.stages.test_plan import node

PIDS, MODE = "kubelet_pod_pids_limit", "kubelet_config_mode"
INVENTORY = {
    "all": ["cp1", "w1"],
    "kube_control_plane": ["cp1"],
    "kube_node": ["w1"],
    "edge": ["w1"],
    "etcd": [],
}
PROFILE = f"""\
id: team
title: What the team wants
include: [{PIDS}, {MODE}]
groups:
  kube_node:
    exclude: [{MODE}]
    parameters:
      {PIDS}: {{at_most: 1024, set: 1024}}
"""
WAIVER = "waivers:\n  - {{control: {}, hosts: {}, owner: platform, reason: an agent reads it, expires: {}}}\n"


NO_INVENTORY = "no inventory was named, so no profile.yml or waivers.yml was read"


class Quiet:
    """Nobody watches."""

    def stage(self, name: str) -> Any:
        return nullcontext(lambda host, what: None)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory with the files of a team, and the facts that an earlier run has collected from it."""
    monkeypatch.setenv("CKSHARDEN_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "hosts.yml").write_text("")
    (tmp_path / "team" / "profile.yml").write_text(PROFILE)
    facts = tmp_path / "old" / "facts"
    facts.mkdir(parents=True)
    noted = {"format": "cksharden-inventory", "schema": "1.0", "groups": INVENTORY}
    (tmp_path / "old" / "inventory.json").write_text(json.dumps(noted))
    for host, kind, groups in (
        ("cp1", "control_plane", ["kube_control_plane"]),
        ("w1", "worker", ["edge", "kube_node"]),
    ):
        document = {"format": "cksharden-facts", "schema": "1.1", "host": host, "groups": groups}
        (facts / f"{host}.json").write_text(json.dumps(document | {"sections": node(host, kind).sections}))
    return tmp_path


def shown(place: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run([words[0], str(place / "team"), "--facts", str(place / "old" / "facts"), *words[1:]])
    said = capsys.readouterr()
    return code, said.out, said.err


def findings(
    place: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> dict[tuple[str, str], dict[str, Any]]:
    _, out, err = shown(place, capsys, "check", *words, "--format", "json")
    assert out, err
    return {(one["host"], one["control"]): one for one in json.loads(out)["findings"]}


def test_a_group_has_its_own_values_and_leaves_controls_out(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = findings(place, capsys)
    assert found["cp1", PIDS]["expected"] == "at least 1 and at most 16384"
    assert found["w1", PIDS]["expected"] == "at least 1 and at most 1024"
    assert {found[host, PIDS]["status"] for host in ("cp1", "w1")} == {"fail"}
    assert found["cp1", MODE]["status"] == "fail"
    assert found["w1", MODE]["status"] == "not_applicable"
    assert "the profile team leaves it out of the group kube_node" in found["w1", MODE]["reason"]
    _, out, _ = shown(place, capsys, "plan", "--format", "json")
    planned = {
        (host, item["control"]): item.get("value")
        for host, one in json.loads(out)["plan"]["hosts"].items()
        for items in one["settings"].values()
        for item in items
    }
    assert planned == {("cp1", PIDS): 4096, ("cp1", MODE): None, ("w1", PIDS): 1024}


def test_what_is_waived_is_neither_a_finding_nor_planned_and_says_who_until_when(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "team" / "waivers.yml").write_text(WAIVER.format(MODE, "kube_control_plane", "2999-01-31"))
    code, out, _ = shown(place, capsys, "check", "--control", MODE)
    assert code == 0
    assert f"{MODE} on cp1: until 2999-01-31 by platform: an agent reads it" in out
    assert "Notes" not in out
    one = findings(place, capsys)["cp1", MODE]
    assert (one["status"], one["waiver"]["owner"], one["waiver"]["expires"]) == (
        "waived",
        "platform",
        "2999-01-31",
    )
    _, out, _ = shown(place, capsys, "plan")
    assert PIDS in out
    assert "/var/lib/kubelet/config.yaml" not in out.partition("Waived")[0].replace("mode is", "")
    _, out, _ = shown(place, capsys, "plan", "--format", "json")
    assert json.loads(out)["plan"]["hosts"]["cp1"]["settings"]["file_access_settings"] == []


def test_an_expired_waiver_fails_again_and_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "team" / "waivers.yml").write_text(WAIVER.format(MODE, "cp1", "2020-01-31"))
    code, out, _ = shown(place, capsys, "check", "--control", MODE)
    assert code == 1
    assert f"the waiver of {MODE} on cp1 by platform expired on 2020-01-31: it fails again" in out
    assert "its waiver by platform expired on 2020-01-31" in findings(place, capsys)["cp1", MODE]["reason"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "waivers.yml",
            WAIVER.format(MODE, "w9", "2999-01-31"),
            ("waivers.yml:2", "'w9' matches no host", "edge"),
        ),
        (
            "waivers.yml",
            WAIVER.format(MODE, "etcd", "2999-01-31"),
            ("waivers.yml:2", "'etcd' matches no host"),
        ),
        ("waivers.yml", WAIVER.format(MODE, "w1", "soon"), ("waivers.yml:2", "expires", "'soon' is no date")),
        (
            "profile.yml",
            PROFILE.replace("kube_node", "workers"),
            ("profile.yml:5", "no group 'workers'", "edge, etcd, kube_control_plane, kube_node"),
        ),
        (
            "profile.yml",
            PROFILE + f"  edge:\n    include: [{MODE}]\n",
            ("profile.yml:5", "w1 is in the groups edge and kube_node", "include and exclude"),
        ),
    ],
)
def test_what_does_not_fit_the_inventory_is_refused_and_leaves_no_run(
    place: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: tuple[str, ...]
) -> None:
    (place / "team" / name).write_text(text)
    code, _, said = shown(place, capsys, "check")
    assert code == 2
    assert all(words in said for words in says), said
    assert not list((place / "runs").glob("*"))


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("inventory.json", "{", "no groups of an inventory"),
        ("inventory.json", '{"format": "cksharden-inventory", "schema": "1.0", "groups": ["w1"]}', "array"),
        ("inventory.json", '{"format": "other", "schema": "1.0", "groups": {}}', "it is other 1.0"),
        ("inventory.json", '{"format": "cksharden-inventory", "schema": "2.0", "groups": {}}', "2.0"),
        (
            "facts/w1.json",
            '{"format": "cksharden-facts", "schema": "1.1", "host": "w1", "groups": "edge", "sections": {}}',
            "no list of groups",
        ),
    ],
)
def test_groups_that_can_not_be_read_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, says: str
) -> None:
    (place / "old" / file).write_text(text)
    code, _, said = shown(place, capsys, "check")
    assert code == 2
    assert says in said
    assert Path(file).name in said
    assert not list((place / "runs").glob("*"))


def test_a_later_verify_and_report_use_what_the_run_has_kept(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "team" / "waivers.yml").write_text(WAIVER.format(MODE, "cp1", "2999-01-31"))
    order = Order("check", place / "runs", Connection(), place / "team", facts=place / "old" / "facts")
    before = pipeline.check(order, Quiet())
    (place / "team" / "waivers.yml").unlink()
    (place / "team" / "profile.yml").write_text("id: other\ntitle: Another\nextends: cks\n")
    proof = pipeline.prove(order, before.run, Quiet())
    after = read(proof, "findings", Findings)
    assert [one for one in after.findings if one.status is Status.WAIVED]
    assert after.findings == before.findings.findings
    assert after.profile == "team"
    assert run(["report", before.run.run]) == 1
    assert f"{MODE} on cp1: until 2999-01-31" in capsys.readouterr().out


def test_the_facts_of_a_run_are_judged_by_what_it_asked(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "team" / "waivers.yml").write_text(WAIVER.format(MODE, "cp1", "2999-01-31"))
    asked = findings(place, capsys)
    (run_of,) = (place / "runs").iterdir()
    (run_of / "policy.json").rename(place / "old" / "policy.json")
    replay = ["check", "--facts", str(place / "old" / "facts"), "--format", "json"]
    run(replay)
    again = json.loads(capsys.readouterr().out)
    assert {(one["host"], one["control"]): one for one in again["findings"]} == asked
    assert (again["profile"], again["notes"]) == ("team", [])
    for named in (["--profile", "cks"], ["--control", MODE]):
        run([*replay, *named])
        other = json.loads(capsys.readouterr().out)
        assert (other["profile"], other["counts"]["waived"], other["notes"]) == ("cks", 0, [NO_INVENTORY])


def test_facts_alone_say_that_no_profile_or_waiver_was_read(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["check", "--facts", str(place / "old" / "facts")])
    assert NO_INVENTORY in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"workers": ["w2"]}, "not asked: w2: in neither kube_control_plane nor kube_node"),
        (
            {"etcd": [f"e{number}" for number in range(7)]},
            "not asked: e0, e1, e2, e3, e4 and 2 more: in neither kube_control_plane nor kube_node",
        ),
        ({"kube_node": ["w1", "w2"]}, None),
    ],
)
def test_hosts_that_are_not_asked_are_told(
    place: Path, capsys: pytest.CaptureFixture[str], more: dict[str, list[str]], note: str | None
) -> None:
    noted = {"format": "cksharden-inventory", "schema": "1.0", "groups": INVENTORY | more}
    (place / "old" / "inventory.json").write_text(json.dumps(noted))
    _, out, _ = shown(place, capsys, "check", "--format", "json")
    assert json.loads(out)["notes"] == ([note] if note else [])


def test_without_kubesprays_groups_every_host_is_asked() -> None:
    assert left_out({"all": ["n1"], "ungrouped": ["n1"]}) == left_out({}) == ()
