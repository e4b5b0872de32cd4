# SPDX-License-Identifier: Apache-2.0
"""What tasks hand to each other lies in memory, for its owner alone, and goes with its playbook."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils import in_memory


@pytest.fixture(autouse=True)
def _above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_it_is_for_its_owner_alone_and_one_for_all_tasks_of_a_playbook() -> None:
    path = in_memory.write("handed", b"secret")
    assert path.read_bytes() == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [path.name for path in path.parent.iterdir()] == ["handed"]
    assert path.parent == in_memory.directory() == in_memory.directory(os.getppid())
    in_memory.remove()
    assert not path.parent.exists()


def test_what_a_dead_playbook_left_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        left = in_memory.directory(other.pid)
        in_memory.directory()
        assert left.is_dir()
        other.kill()
    in_memory.remove()
    in_memory.directory()
    assert list(tmp_path.iterdir()) == [in_memory.directory()]


def test_a_directory_that_others_can_look_into_is_refused() -> None:
    in_memory.directory().chmod(0o755)
    with pytest.raises(in_memory.NoMemoryError, match="somebody else's"):
        in_memory.directory()
