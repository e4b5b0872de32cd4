# SPDX-License-Identifier: Apache-2.0
"""Verbs that need an earlier run: one that will not do is refused, and those that would are listed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cksharden.cli.main import run
from cksharden.order import Order
from cksharden.records import begin
from cksharden.runner import Connection


@pytest.fixture
def past(tmp_path: Path, runs: Path) -> dict[str, str]:
    """Runs of the verbs, all but the check having changed nodes: verb -> id."""
    (tmp_path / "hosts.yml").write_text("w1:\n")
    found = {}
    for command in ("apply", "rollback", "check"):
        order = Order(command, runs, Connection(), tmp_path / "hosts.yml", limit="w1")
        made = begin(order, "cks")
        if command != "check":
            made.make(made.apply)
        found[command] = made.run
    return found


@pytest.mark.parametrize(
    ("words", "says", "listed"),
    [
        ("rollback hosts.yml", "--run: name the run that is to be taken back", ["apply"]),
        ("unlock hosts.yml", "--run: name the run that holds the lock", ["apply", "rollback"]),
        ("verify hosts.yml --run {check}", "{check} (check) is no apply that changed nodes", ["apply"]),
        ("verify hosts.yml --run {rollback}", "{rollback} (rollback) is no apply that", ["apply"]),
    ],
)
def test_the_runs_that_would_do_are_listed(
    past: dict[str, str], capsys: pytest.CaptureFixture[str], words: str, says: str, listed: list[str]
) -> None:
    assert run(words.format(**past).split()) == 2
    said = capsys.readouterr().err
    assert says.format(**past) in said
    lines = [line.split() for line in said.splitlines() if line.startswith("    ")]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    assert {(line[0], line[1], line[4]) for line in lines} == {(past[verb], day, verb) for verb in listed}
    assert all(line[-3:] == [str(Path("hosts.yml").absolute()), "--limit", "w1"] for line in lines)


@pytest.mark.parametrize("verb", ["rollback", "unlock"])
def test_where_none_would_do_that_is_said(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    (tmp_path / "hosts.yml").write_text("w1:\n")
    assert run([verb, "hosts.yml"]) == 2
    assert "was run yet; name the directory of runs with --runs-dir" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["apply", "rollback --run 20261123T132000Z-1a2b3c", "verify"])
def test_an_inventory_that_is_not_there_is_told_first(
    runs: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert run([*verb.split(), "nowhere"]) == 2
    assert "nowhere: there is no such inventory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("report verify", "RUN: 'verify' is no id of a run\n  it looks like 20261123T132000Z-1a2b3c, or is"),
        (
            "explain tls",
            "cksharden: no such control: tls\n  did you mean apiserver_tls_cert_file or ",
        ),
    ],
)
def test_an_argument_is_not_called_an_option(
    runs: Path, capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    assert run(words.split()) == 2
    assert says in capsys.readouterr().err
