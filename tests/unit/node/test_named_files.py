# SPDX-License-Identifier: Apache-2.0
"""Files by their paths, with their contents only where these are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import named_files
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import digest_of


def looked(path: Path, *, content: bool = True) -> dict[str, Any]:
    entry: dict[str, Any] = named_files.main({"paths": [str(path)], "content": content})["files"][str(path)]
    return entry


def test_a_file_has_its_attributes_and_where_asked_its_content(tmp_path: Path) -> None:
    path = tmp_path / "encryption.yaml"
    path.write_text("key")
    path.chmod(0o600)
    found = looked(path)
    assert (found["content"], found["mode"], found["digest"]) == ("key", "0600", digest_of(b"key"))
    assert "content" not in looked(path, content=False)


def test_what_is_not_there_and_what_is_a_directory_have_none(tmp_path: Path) -> None:
    assert looked(tmp_path / "none")["exists"] is False
    assert looked(tmp_path)["type"] == "directory"
    assert "content" not in looked(tmp_path)


@pytest.mark.parametrize(
    ("content", "error"), [(b"\xff", "not UTF-8"), (b"a" * (named_files.LARGEST + 1), "larger than")]
)
def test_what_can_not_be_carried_says_why(tmp_path: Path, content: bytes, error: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = looked(path)
    assert error in found["error"]
    assert "content" not in found
