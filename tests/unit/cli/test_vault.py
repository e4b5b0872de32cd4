# SPDX-License-Identifier: Apache-2.0
"""A vault beside the inventory that can't be opened is the user's to mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cksharden.cli.main import run


@pytest.mark.parametrize("words", [[], ["--vault-password-file", "wrong"]], ids=["none", "wrong"])
def test_without_its_password_nothing_is_done(
    words: list[str], tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hosts.ini").write_text("[kube_node]\nw1 ansible_connection=local\n")
    for name in ("right", "wrong"):
        (tmp_path / name).write_text(f"{name}\n")
    secret = tmp_path / "group_vars/all.yml"
    secret.parent.mkdir()
    secret.write_text("ansible_become_password: geheim\n")
    vault = Path(sys.executable).parent / "ansible-vault"
    subprocess.run(
        [vault, "encrypt", "--vault-password-file", "right", secret], check=True, capture_output=True
    )
    assert run(["check", "hosts.ini", "--quiet", *words]) == 2
    said = capsys.readouterr().err
    assert "hosts.ini: vault: its vault can't be opened" in said
    assert "-J" in said
    assert list(runs.iterdir()) == []
