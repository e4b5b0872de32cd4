# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from pathlib import Path

from lab.commit import commit

AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org")


def test_a_record_names_its_commit_and_does_not_count_itself_as_a_change(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", *AUTHOR, *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    page, code = tmp_path / "docs/page.md", tmp_path / "code.py"
    page.parent.mkdir()
    for file in (page, code):
        file.write_text("one")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "One")
    head = git("rev-parse", "--short=12", "HEAD")
    page.write_text("two")
    assert commit(page) == head
    code.write_text("two")
    assert commit(page) == f"{head}, with changes"
