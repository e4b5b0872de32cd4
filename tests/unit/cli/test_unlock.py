# SPDX-License-Identifier: Apache-2.0
"""`cksharden unlock` with words that it can't use; what it does is tried in tests/unit/runner and tests/lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from cksharden.cli.main import run

RUN = "20261123T132000Z-1a2b3c"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--run", RUN], "no inventory was given"),
        (["nowhere", "--run", RUN], "there is no such inventory"),
        (["hosts.yml", "--run", "../x"], "--run: '../x' is no name of a run"),
        (["hosts.yml"], "--run: name the run that holds the lock"),
    ],
)
def test_what_can_not_be_carried_out(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text("w1:\n")
    assert run(["unlock", *words]) == 2
    assert says in capsys.readouterr().err
