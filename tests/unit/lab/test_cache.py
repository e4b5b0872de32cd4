# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab.cache import Inputs, cache_root, cached, digest_files, key_of, prune
from lab.up import CHECKOUT

# Builds the entry that the tests ask for, slowly; used as a second process.
SLOW_BUILDER = """
import sys, time
from pathlib import Path
from lab.cache import cached

def build(target: Path) -> None:
    (target / "half").write_text("x")
    print("building", flush=True)
    time.sleep(float(sys.argv[1]))
    (target / "whole").write_text("by the second process")

cached("thing", {"what": "it"}, build)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CKSHARDEN_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def start_builder(seconds: float) -> subprocess.Popen[str]:
    builder = subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILDER, str(seconds)],
        stdout=subprocess.PIPE, text=True, cwd=CHECKOUT / "molecule/shared",
    )  # fmt: skip
    assert builder.stdout is not None
    assert builder.stdout.readline() == "building\n"
    return builder


def test_key_depends_on_every_input_and_not_on_their_order() -> None:
    inputs: Inputs = {"flags": "-s", "files": {"go.mod": "1", "go.sum": "2"}}
    assert key_of(inputs) == key_of(dict(reversed(list(inputs.items()))))
    others: list[Inputs] = [
        {**inputs, "flags": "-w"},
        {**inputs, "files": {"go.mod": "1", "go.sum": "3"}},
        {**inputs, "more": ""},
    ]
    assert len({key_of(other) for other in [inputs, *others]}) == 4


def test_digest_of_files_sees_content_and_names(tmp_path: Path) -> None:
    path = tmp_path / "go.mod"
    path.write_text("module a\n")
    first = digest_files({"go.mod": path})
    assert digest_files({"go.sum": path}) != first
    path.write_text("module b\n")
    assert digest_files({"go.mod": path}) != first


def test_cache_is_where_the_environment_says_else_in_the_home(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_root() == own_cache
    monkeypatch.delenv("CKSHARDEN_LAB_CACHE")
    monkeypatch.setenv("HOME", "/somewhere")
    assert cache_root() == Path("/somewhere/.cache/cksharden-lab")


def test_entry_is_built_once() -> None:
    built: list[Path] = []

    def build(target: Path) -> None:
        built.append(target)
        (target / "program").write_text("x")

    first = cached("thing", {"what": "it"}, build)
    assert cached("thing", {"what": "it"}, build) == first
    assert len(built) == 1
    assert (first / "program").exists()
    assert (first / "inputs.json").read_text() == '{\n  "what": "it"\n}\n'


def test_failed_build_leaves_no_entry_and_the_next_one_succeeds(own_cache: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cached("thing", {"what": "it"}, fail)
    assert not (own_cache / "thing").exists()
    assert list((own_cache / "unfinished").iterdir()) == []
    entry = cached("thing", {"what": "it"}, lambda target: (target / "whole").touch())
    assert sorted(path.name for path in entry.iterdir()) == ["inputs.json", "whole"]


def test_killed_build_leaves_no_entry_and_the_next_one_clears_it_away(own_cache: Path) -> None:
    builder = start_builder(60)
    builder.kill()
    builder.communicate()
    assert not (own_cache / "thing").exists()
    assert len(list((own_cache / "unfinished").iterdir())) == 1
    entry = cached("thing", {"what": "it"}, lambda target: (target / "whole").touch())
    assert sorted(path.name for path in entry.iterdir()) == ["inputs.json", "whole"]
    assert list((own_cache / "unfinished").iterdir()) == []


def test_second_builder_waits_for_the_first_and_takes_its_entry(capsys: pytest.CaptureFixture[str]) -> None:
    builder = start_builder(0.5)
    started = time.monotonic()

    def never(target: Path) -> None:
        raise AssertionError(target)

    entry = cached("thing", {"what": "it"}, never)
    assert time.monotonic() - started > 0.2
    assert (entry / "whole").read_text() == "by the second process"
    assert "waiting for another process" in capsys.readouterr().out
    builder.communicate()
    assert builder.returncode == 0


def test_prune_removes_what_nobody_asked_for_in_time() -> None:
    old, asked, fresh = (
        cached("thing", {"what": what}, lambda path: None) for what in ("old", "asked", "fresh")
    )
    for entry in (old, asked):
        os.utime(entry, (0, 0))
    assert cached("thing", {"what": "asked"}, lambda path: None) == asked
    assert prune(["thing", "nothing"], 30) == [f"thing-{old.name}"]
    assert sorted(cache_root().glob("thing/*")) == sorted([asked, fresh])
    assert list(cache_root().glob("unfinished/*")) == []
