# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import (
    DEFAULT_LIMITS,
    LARGEST,
    RequestError,
    check_request,
    envelope,
    facts_path,
    kind_of,
    write_facts,
)
from cksharden.errors import FactsError, UsageError
from cksharden.rundir import create_run, new_run_id, open_run, read_facts, read_facts_dir, write_file

NOW = datetime(2026, 11, 23, 13, 20, tzinfo=UTC)
GOOD = envelope(
    "w1", ["all", "kube_node"], {"node": {"schema": "1.0", "status": "ok", "reason": "", "data": {}}}
)


def test_runs(tmp_path: Path) -> None:
    made = create_run(tmp_path / "a/runs", NOW)
    assert made.run.startswith("20261123T132000Z-")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
    assert open_run(tmp_path / "a/runs", made.run) == made
    assert new_run_id(NOW) != new_run_id(NOW)
    assert new_run_id(NOW.astimezone(timezone(timedelta(hours=5)))).startswith("20261123T132000Z-")


def test_files_of_a_run(tmp_path: Path) -> None:
    run = create_run(tmp_path, NOW)
    path = run.write("plan", {"a": [1]})
    assert path == run.path / "plan.json"
    assert json.loads(path.read_bytes()) == {"a": [1]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run.make(run.facts).is_dir()
    assert run.make(run.facts) == run.path / "facts"


@pytest.mark.parametrize("run", ["", ".", "../x", "20261123T132000Z-1a2b3", "20261123T132000Z-1a2b3c/"])
def test_what_is_no_id_of_a_run_is_no_path(tmp_path: Path, run: str) -> None:
    with pytest.raises(UsageError, match="no id of a run"):
        open_run(tmp_path, run)


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    made = create_run(tmp_path, NOW)
    made.write("run", {})
    with pytest.raises(UsageError) as raised:
        open_run(tmp_path, "20200101T000000Z-000000")
    assert made.run in raised.value.diagnostics()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no run can be kept"):
        create_run(tmp_path / "file/runs", NOW)


def test_a_file_that_can_not_be_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_file(tmp_path / "taken", b"x")
    facts_path(tmp_path, "w1").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_facts(tmp_path, "w1", GOOD)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "w1.json"]


def test_facts_come_back(tmp_path: Path) -> None:
    for host in ("w1", "a/b"):
        write_facts(tmp_path, host, {**GOOD, "host": host})
    assert set(read_facts_dir(tmp_path)) == {"w1", "a/b"}
    assert (tmp_path / "a%2Fb.json").is_file()


def test_a_directory_for_facts_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = write_facts(tmp_path / "new", "w1", GOOD).parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no facts file"),
        (b"\xff\xfe", "no facts file"),
        (b"[]", "its format is not"),
        (b"null", "its format is not"),
        (b'{"format": "else"}', "its format is not"),
        (b'{"a":' * 100000, "no facts file"),
        (json.dumps({**GOOD, "schema": "2.0"}).encode(), "schema: facts of schema '2.0'"),
        (json.dumps({**GOOD, "schema": None}).encode(), "schema: facts of schema None"),
        (json.dumps({**GOOD, "host": ""}).encode(), "host: names no host"),
        (json.dumps({**GOOD, "host": ["w1"]}).encode(), "host: names no host"),
        (json.dumps({**GOOD, "sections": []}).encode(), "sections: holds no sections"),
        (json.dumps({**GOOD, "sections": {"node": 1}}).encode(), "sections: holds no sections"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "w1.json"
    path.write_bytes(content)
    with pytest.raises(FactsError) as raised:
        read_facts(path)
    assert raised.value.diagnostics().startswith(f"{path}: ")
    assert reason in raised.value.diagnostics()


def test_a_minor_is_additive(tmp_path: Path) -> None:
    facts = {**GOOD, "schema": "1.9", "new": 1, "sections": {**GOOD["sections"], "new": {"schema": "7.0"}}}
    write_file(tmp_path / "w1.json", json.dumps(facts).encode())
    assert read_facts(tmp_path / "w1.json") == facts


def test_directories_of_facts_that_can_not_be_used(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match="no facts files"):
        read_facts_dir(tmp_path)
    with pytest.raises(FactsError, match="can't be read: No such file"):
        read_facts(tmp_path / "nothing.json")
    write_facts(tmp_path, "w1", GOOD)
    (tmp_path / "copy.json").write_bytes((tmp_path / "w1.json").read_bytes())
    with pytest.raises(FactsError, match="a second facts file of host w1"):
        read_facts_dir(tmp_path)
    with (tmp_path / "large.json").open("wb") as stream:
        stream.truncate(LARGEST + 1)
    with pytest.raises(FactsError, match="larger than"):
        read_facts(tmp_path / "large.json")


@pytest.mark.parametrize(
    ("sections", "kind"),
    [
        ({"node": {"data": {"kind": "worker"}}}, "worker"),
        ({"node": {"data": {"kind": "{{ x }}"}}}, "unknown"),
        ({"node": {"data": {"kind": ["worker"]}}}, "unknown"),
        ({"node": {"data": None}}, "unknown"),
        ({"node": 3}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_kind_of_a_node_is_one_of_our_words(sections: dict[str, Any], kind: str) -> None:
    assert kind_of(sections) == kind


def test_a_request_gets_its_limits() -> None:
    request = check_request(
        {"schema": "1.0", "files": [{"path": "/a", "note": "x"}], "limits": {"seconds": 5}}
    )
    assert request["files"] == [{"path": "/a", "parents": False}]
    assert request["limits"] == {**DEFAULT_LIMITS, "seconds": 5}
    assert (request["cluster"], request["patches_dir"]) == (False, None)


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        {},
        {"schema": "2.0"},
        {"schema": "1.0", "files": {}},
        {"schema": "1.0", "files": ["/a"]},
        {"schema": "1.0", "files": [{"path": "relative"}]},
        {"schema": "1.0", "files": [{"path": "/nul\0"}]},
        {"schema": "1.0", "cluster": 1},
        {"schema": "1.0", "patches_dir": "patches"},
        {"schema": "1.0", "patches_dir": ["/patches"]},
        {"schema": "1.0", "limits": {"seconds": 0}},
        {"schema": "1.0", "limits": {"seconds": "5"}},
        {"schema": "1.0", "limits": {"unknown": 5}},
    ],
)
def test_bad_requests(request_: object) -> None:
    with pytest.raises(RequestError):
        check_request(request_)
