# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from lab.errors import LabError
from lab.remove import mounts_below, remove_tree

LINE = "36 35 98:0 / {} rw,noatime shared:1 - tmpfs tmpfs rw\n"


def test_tree_is_removed_and_one_that_is_missing_is_fine(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    remove_tree(tree)
    assert not tree.exists()
    remove_tree(tree)


def test_tree_with_a_mount_in_it_is_left_alone(tmp_path: Path) -> None:
    inside = tmp_path / "tree" / "dev" / "shm"
    inside.mkdir(parents=True)
    (inside / "of the host").touch()
    (tmp_path / "mountinfo").write_text(LINE.format("/") + LINE.format(inside))
    with pytest.raises(LabError, match="dev/shm is mounted there"):
        remove_tree(tmp_path / "tree", tmp_path / "mountinfo")
    assert (inside / "of the host").exists()


@pytest.mark.parametrize(
    ("point", "is_below"),
    [("/a/b", True), ("/a/b/c", True), ("/a/bc", False), ("/a", False), (r"/a/b/with\040blank", True)],
)
def test_mounts_are_compared_by_whole_names(point: str, is_below: bool) -> None:
    assert bool(mounts_below(Path("/a/b"), LINE.format(point))) is is_below
