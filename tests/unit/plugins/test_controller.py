# SPDX-License-Identifier: Apache-2.0
"""Whether the process behind a lock still lives: yes, no, or not to be seen from here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils import controller
from ansible_collections.cksharden.node.plugins.plugin_utils.controller import holder, runs_here, told

OWN = holder("a", os.getpid())


def test_a_process_lives_until_it_ends_also_unreaped() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        found = holder("b", process.pid)
        assert runs_here(found, OWN) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert runs_here(found, OWN) is False, "a zombie changes nothing any more"
    assert runs_here(found, OWN) is False


def test_another_process_of_the_same_number_is_not_the_holder() -> None:
    assert runs_here({**OWN, "start": OWN["start"] + 1}, OWN) is False


@pytest.mark.parametrize("key", ["machine", "boot", "namespace", "pid", "start"])
def test_what_is_elsewhere_or_not_known_is_not_gone(key: str) -> None:
    other: dict[str, Any] = {**OWN, key: 0 if key in ("pid", "start") else "another"}
    assert runs_here(other, OWN) is None


def test_a_machine_that_does_not_tell_its_boot_sees_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "_BOOT_ID", Path("/nowhere"))
    blind = holder("a", os.getpid())
    assert blind["boot"] == ""
    assert runs_here(blind, blind) is None


def test_the_machine_id_itself_is_told_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "machine-id").write_text("0123456789abcdef\n")
    monkeypatch.setattr(controller, "_MACHINE_ID", tmp_path / "machine-id")
    found = holder("a", os.getpid())
    assert len(found["machine"]) == 64
    assert "0123456789abcdef" not in str(found)


def test_a_holder_in_words() -> None:
    assert told({**OWN, "host": "desk", "pid": 7, "since": "now"}) == "run a on desk (PID 7, since now)"
    assert "evil\\x1b[2J" in told({**OWN, "host": "evil\x1b[2J", "since": ""})
    assert "an unknown machine" in told({**OWN, "host": "", "since": ""})
