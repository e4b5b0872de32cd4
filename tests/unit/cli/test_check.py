# SPDX-License-Identifier: Apache-2.0
"""check, plan and report on recorded facts: exit codes, what goes where, and the run that is kept."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from cksharden.cli.main import run
from tests.unit.cli.conftest import Facts

MODE = ["--control", "kubelet_config_mode"]


@pytest.mark.parametrize(("mode", "code"), [("0600", 0), ("0644", 1)], ids=["compliant", "findings"])
def test_the_exit_code_tells_compliant_from_findings(facts: Facts, runs: Path, mode: str, code: int) -> None:
    assert run(["check", "--facts", str(facts(config_mode=mode)), *MODE]) == code
    assert run(["plan", "--facts", str(facts("w2", config_mode=mode)), *MODE]) == code


def test_unknown_beats_findings(facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts()
    broken = facts("w2", files={"schema": "1.0", "status": "error", "reason": "took too long"})
    assert run(["check", "--facts", str(broken), *MODE]) == 3
    said = capsys.readouterr().out
    assert "w1: /var/lib/kubelet/config.yaml: mode is 0644" in said
    assert "w2: files: took too long" in said


def test_a_section_of_an_unknown_major_is_unknown(facts: Facts, runs: Path) -> None:
    newer = facts(files={"schema": "2.0", "status": "ok", "reason": "", "data": {}})
    assert run(["check", "--facts", str(newer), *MODE]) == 3


def test_a_machine_that_is_no_node_is_unknown(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = facts(node={"schema": "1.0", "status": "ok", "reason": "", "data": {"kind": "none"}})
    assert run(["check", "--facts", str(other)]) == 3
    assert "no Kubernetes node" in capsys.readouterr().out


def test_json_is_all_that_stdout_gets(facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--facts", str(facts()), *MODE, "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["status"], found["remedy"]) == ("fail", "changes it")


def test_a_report_can_go_into_a_file(
    facts: Facts, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.txt"
    assert run(["check", "--facts", str(facts()), *MODE, "--output", str(file)]) == 1
    assert "kubelet_config_mode" in file.read_text()
    assert not capsys.readouterr().out


def test_a_run_is_kept_for_its_owner_alone(facts: Facts, runs: Path) -> None:
    run(["check", "--facts", str(facts()), *MODE])
    (kept,) = runs.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    record = json.loads((kept / "run.json").read_text())
    assert (record["command"], record["run"], record["profile"]) == ("check", kept.name, "cks")
    assert {path.name for path in kept.iterdir()} == {
        "run.json",
        "facts",
        "policy.json",
        "findings.json",
        "plan.json",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept.glob("*.json"))


def test_recorded_facts_are_kept_in_the_run_that_judges_them(
    facts: Facts, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = facts()
    groups = {"format": "cksharden-inventory", "schema": "1.0", "groups": {"rack1": ["w1", "w2"]}}
    (tmp_path / "inventory.json").write_text(json.dumps(groups))
    code = run(["check", "--facts", str(directory), "--format", "json"])
    first = json.loads(capsys.readouterr().out)
    (kept,) = runs.iterdir()
    shutil.rmtree(directory)
    (tmp_path / "inventory.json").unlink()
    assert run(["check", "--facts", str(kept / "facts"), "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["findings"] == first["findings"]
    assert [json.loads(one.read_text()) for one in runs.glob("*/inventory.json")] == [groups, groups]
    copies = [path for path in kept.rglob("*.json") if path.parent != kept]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies} == {0o600}


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_report_shows_a_run_again_exactly(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    code = run([verb, "--facts", str(facts())])
    first = capsys.readouterr().out
    again = first.splitlines()[-1].partition("cksharden ")[2].split()
    assert run(again) == code
    assert capsys.readouterr().out == first


def test_report_without_a_run_shows_the_newest(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["check", "--facts", str(facts()), *MODE])
    (earlier,) = runs.iterdir()
    earlier.rename(runs / "20200101T000000Z-000000")
    code = run(["plan", "--facts", str(facts("w2")), *MODE])
    newest = capsys.readouterr().out.splitlines()[-1]
    assert run(["report"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == newest


@pytest.mark.parametrize("words", [[], ["apply"], ["rollback"]])
def test_report_of_what_was_never_run_says_so(
    facts: Facts, runs: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if words:
        run(["check", "--facts", str(facts()), *MODE])
    assert run(["report", *words]) == 2
    assert f"no{'thing' if not words else f' {words[0]}'} was run yet" in capsys.readouterr().err


def test_a_damaged_run_is_refused_with_the_name_of_its_file(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["check", "--facts", str(facts()), *MODE])
    (kept,) = runs.iterdir()
    (kept / "findings.json").write_text('{"run": 3}')
    capsys.readouterr()
    assert run(["report", kept.name]) == 2
    assert "findings.json" in capsys.readouterr().err


def test_a_plan_shows_what_would_be_written(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--facts", str(facts()), "--control", "kubelet_tls_min_version"]) == 1
    said = capsys.readouterr().out
    assert "1. w1: worker, restarts kubelet" in said
    assert '+  "tlsMinVersion": "VersionTLS13"' in said


def test_a_name_from_a_node_can_not_move_the_terminal(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil: dict[str, Any] = {
        "path": "/a\x1b[2J\x9b",
        "real_path": "/b\u202e\r",
        "exists": True,
        "error": "\x1b]0;x\x07",
    }
    data = {"patterns": {"/var/lib/kubelet/config.yaml": {"matches": [evil], "error": None}}}
    hostile = facts("w\x1b[31m", files={"schema": "1.0", "status": "ok", "reason": "", "data": data})
    assert run(["check", "--facts", str(hostile), *MODE, "--all"]) == 3
    said = capsys.readouterr()
    assert not set("\x1b\x9b\r\x07\u202e") & set(said.out + said.err)
    assert "/a\\x1b[2J\\x9b" in said.out


def test_the_profile_beside_the_inventory_is_used_unless_another_is_named(
    facts: Facts, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "profile.yml").write_text("id: own\ntitle: One control\ninclude: [kubelet_config_mode]\n")
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("")
    there = ["check", str(inventory), "--facts", str(facts()), "--format", "json"]
    run(there)
    own = json.loads(capsys.readouterr().out)
    assert (own["profile"], len(own["findings"])) == ("own", 1)
    run([*there, "--profile", "cis_1_12"])
    assert len(json.loads(capsys.readouterr().out)["findings"]) > 1


@pytest.mark.parametrize(
    ("expires", "status", "code"),
    [("2999-01-31", "waived", 0), ("2020-01-31", "fail", 1)],
    ids=["held", "expired"],
)
def test_a_replay_with_an_inventory_takes_its_waivers(
    facts: Facts,
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    expires: str,
    status: str,
    code: int,
) -> None:
    (tmp_path / "hosts.yml").write_text("")
    waiver = f"{{control: kubelet_config_mode, hosts: 'w*', owner: a, reason: b, expires: {expires}}}"
    (tmp_path / "waivers.yml").write_text(f"waivers: [{waiver}]\n")
    replay = ["check", "--facts", str(facts()), *MODE, "--format", "json"]
    assert run([*replay, str(tmp_path)]) == code
    assert [one["status"] for one in json.loads(capsys.readouterr().out)["findings"]] == [status]
    assert run(replay) == 1, "without the inventory nothing is waived"


def test_a_run_is_judged_again_from_its_own_facts(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The facts of a run that collected: groups and inventory lie with them."""
    directory = facts()
    (file,) = directory.glob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": "1.1", "groups": ["rack1"]}))
    inventory = {
        "format": "cksharden-inventory",
        "schema": "1.0",
        "groups": {"rack1": ["w1"], "rack2": ["w2"]},
    }
    (directory.parent / "inventory.json").write_text(json.dumps(inventory))
    choices = "groups:\n  rack1: {exclude: [kubelet_config_mode]}\n"
    Path("profile.yml").write_text(f"id: own\ntitle: t\ninclude: [kubelet_config_mode]\n{choices}")
    assert run(["check", "--facts", str(directory), "--profile", "profile.yml", "--all"]) == 0
    assert "the profile own leaves it out of the group rack1" in capsys.readouterr().out
    Path("profile.yml").write_text(
        "id: own\ntitle: t\nextends: cks\ngroups: {rack3: {exclude: [kubelet_config_mode]}}\n"
    )
    assert run(["check", "--facts", str(directory), "--profile", "profile.yml"]) == 2
    assert "rack3" in capsys.readouterr().err
