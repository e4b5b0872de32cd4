# SPDX-License-Identifier: Apache-2.0
"""Files that somebody prepared for us: real ones, in a directory of their own."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import collect_files
from ansible_collections.cksharden.node.plugins.module_utils.node.collect_files import expand
from ansible_collections.cksharden.node.plugins.module_utils.node.safe_read import describe, describe_text

LIMIT = 1000
INJECTION = "{{ lookup('pipe', 'touch pwned') }}"


def text_of(path: Path, limit: int = LIMIT, within: tuple[bytes, ...] = ()) -> dict[str, Any]:
    return describe_text(os.fsencode(path), limit, within)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a: 1\n")
    path.chmod(0o4640)
    os.utime(path, (1, 1234.5))
    entry = text_of(path)
    digest = "sha256:" + hashlib.sha256(b"a: 1\n").hexdigest()
    assert entry == {
        "path": str(path),
        "exists": True,
        "real_path": str(path),
        "type": "file",
        "mode": "4640",
        "uid": os.getuid(),
        "gid": os.getgid(),
        "owner": path.owner(),
        "group": path.group(),
        "size": 5,
        "mtime": 1234.5,
        "error": None,
        "digest": digest,
        "text": "a: 1\n",
        "redacted": False,
        "truncated": False,
        "lossy": False,
    }


def test_parents_go_down_to_the_real_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o750)
    (tmp_path / "real/file").touch(mode=0o600)
    (tmp_path / "link").symlink_to("real")
    entry = describe(os.fsencode(tmp_path / "link/file"), parents=True)
    assert entry["real_path"] == str(tmp_path / "real/file")
    assert [each["path"] for each in entry["parents"]][-2:] == [str(tmp_path), str(tmp_path / "real")]
    assert entry["parents"][0]["path"] == "/"
    assert entry["parents"][-1]["mode"] == "0750"


def test_absence_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("gone")
    for name in ("gone", "gone/below", "file/below", "dangling"):
        entry = text_of(tmp_path / name)
        assert (entry["exists"], entry["error"], entry["text"]) == (False, None, None), name
    assert text_of(tmp_path / "dangling")["real_path"] == str(tmp_path / "gone")


def test_what_is_no_regular_file_is_described_and_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    started = time.monotonic()
    for name in ("fifo", "socket", "."):
        entry = text_of(tmp_path / name)
        assert entry["exists"], name
        assert entry["error"] == "it is no regular file", name
        assert entry["text"] is None, name
    assert text_of(Path("/dev/null"))["type"] == "other"
    assert text_of(Path("/dev/zero"))["error"] == "it is no regular file"
    listener.close()
    assert time.monotonic() - started < 1


def test_a_large_file_is_cut_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.write(b"x" * LIMIT)
        stream.truncate(1 << 30)
    started = time.monotonic()
    entry = text_of(path)
    assert time.monotonic() - started < 1
    assert (entry["size"], entry["truncated"], entry["digest"]) == (1 << 30, True, None)
    assert entry["text"] == "x" * LIMIT


def test_a_cut_through_a_character_is_not_lossy(tmp_path: Path) -> None:
    path = tmp_path / "umlauts"
    path.write_text("ä" * LIMIT, "utf-8")
    entry = text_of(path, 999)
    assert entry["truncated"]
    assert not entry["lossy"]


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to("self/deeper")
    for name in ("a", "self", "a/below"):
        entry = text_of(tmp_path / name)
        assert entry["text"] is None, name
        assert entry["error"], name


def test_links_inside_are_followed_and_links_out_are_not(tmp_path: Path) -> None:
    inside, outside = tmp_path / "conf.d", tmp_path / "elsewhere"
    (inside / "sub").mkdir(parents=True)
    outside.mkdir()
    (inside / "sub/real").write_text("mine")
    (outside / "secret").write_text("theirs")
    (inside / "10.conf").symlink_to("sub/real")
    (inside / "20.conf").symlink_to(outside / "secret")
    (inside / "30.conf").symlink_to("../elsewhere/secret")
    (inside / "40.conf").symlink_to("/proc/self/environ")
    assert text_of(inside / "10.conf")["text"] == "mine"
    for name in ("20.conf", "30.conf", "40.conf"):
        entry = text_of(inside / name)
        assert entry["text"] is None
        assert entry["digest"] is None
        assert "link out of its directory" in entry["error"]
        assert entry["mode"] is not None, "its attributes are still those of the target"
    assert text_of(inside / "20.conf", within=(os.fsencode(outside),))["text"] == "theirs"
    # A directory above that is a link is how /lib is on a merged /usr.
    (tmp_path / "alias").symlink_to("conf.d")
    assert text_of(tmp_path / "alias/10.conf")["text"] == "mine"
    assert text_of(tmp_path / "alias/20.conf")["text"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="as root nothing is unreadable, as others it is")
def test_owners_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 54321, 54322)
    entry = describe(os.fsencode(path))
    assert (entry["uid"], entry["gid"], entry["owner"], entry["group"]) == (54321, 54322, None, None)


def test_hostile_names_and_bytes(tmp_path: Path) -> None:
    names = [
        b"caf\xe9.conf",
        b"new\nline",
        b"esc\x1b[31m",
        INJECTION.encode().replace(b"/", b"_"),
        b"\xf0\x9f\x92\xa9",
    ]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"\xff\xfe\x00 text")
    request = {"files": [{"path": f"{tmp_path}/*"}], "limits": {"matches": 10}}
    answer = collect_files.collect(request)["patterns"][f"{tmp_path}/*"]
    assert answer["error"] is None
    by_path = {entry["path"].removeprefix(f"{tmp_path}/"): entry for entry in answer["matches"]}
    assert set(by_path) == {"caf\\xe9.conf", "new\nline", "esc\x1b[31m", INJECTION.replace("/", "_"), "💩"}
    assert by_path["caf\\xe9.conf"]["error"] == "its name holds bytes that are not UTF-8"
    entry = text_of(tmp_path / "new\nline")
    assert (entry["text"], entry["lossy"]) == ("\\xff\\xfe\x00 text", True)


def test_patterns(tmp_path: Path) -> None:
    for name in ("a/1.yaml", "a/2.yaml", "b/3.yaml", "b/3.txt", ".hidden/4.yaml", "a/.dot.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/dangling.yaml").symlink_to("gone")

    def found(pattern: str, most: int = 10) -> tuple[list[str], str | None]:
        paths, error = expand(f"{tmp_path}/{pattern}", most)
        return [os.fsdecode(path).removeprefix(f"{tmp_path}/") for path in paths], error

    assert found("*/*.yaml") == (["a/1.yaml", "a/2.yaml", "a/dangling.yaml", "b/3.yaml"], None)
    assert found("a/.*") == (["a/.dot.yaml"], None)
    assert found("[ab]/?.yaml") == (["a/1.yaml", "a/2.yaml", "b/3.yaml"], None)
    assert found("b/*/x") == ([], None)
    assert found("nowhere/*") == ([], None)
    assert found("*/*.yaml", 2) == (["a/1.yaml", "a/2.yaml"], "it matches 4 files, the first 2 are listed")


def test_a_directory_of_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_files, "_SCANNED", 5)
    for number in range(6):
        (tmp_path / str(number)).touch()
    assert expand(f"{tmp_path}/*", 10) == ([], "its directories hold more than 5 names")


def test_a_literal_that_is_not_there_says_so() -> None:
    request = {"files": [{"path": "/nowhere/at/all", "parents": True}], "limits": {"matches": 10}}
    (entry,) = collect_files.collect(request)["patterns"]["/nowhere/at/all"]["matches"]
    assert (entry["exists"], entry["error"]) == (False, None)
