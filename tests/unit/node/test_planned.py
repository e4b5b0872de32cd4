# SPDX-License-Identifier: Apache-2.0
"""What a role asks, what the node is like, and when that is no longer what was planned."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils import planned, transaction
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import NotPlannedError, changes_of

CONFIG = "/var/lib/kubelet/config.yaml"
HOSTILE = "/root/{{ lookup('pipe', 'touch PWNED') }}"
CHANGES: dict[str, Any] = {
    "changes": [],
    "refused": [],
    "daemon_reload": True,
    "restart": "kubelet.service",
    "argv": {"added": ["--config-dir=/d"], "removed": []},
}


def sections(**changes: Any) -> dict[str, Any]:
    entry = {
        "path": CONFIG,
        "real_path": CONFIG,
        "exists": True,
        "type": "file",
        "mode": "0644",
        "uid": 0,
        "gid": 0,
        "owner": "root",
        "group": "root",
        "error": None,
        **changes,
    }
    return {"files": {"status": "ok", "data": {"patterns": {CONFIG: {"matches": [entry], "error": None}}}}}


def setting(**changes: Any) -> dict[str, Any]:
    return {"control": "config_mode", "path": CONFIG, "mode": "0600", "owner": None, "group": None, **changes}


GROUND = {CONFIG: {"mode": "0644", "uid": 0, "gid": 0}}


@pytest.mark.parametrize("ground", [None, GROUND])
def test_the_change_of_a_mode(ground: dict[str, Any] | None) -> None:
    changes = changes_of("file_access", [setting(ground=ground)], sections(), "/d")
    assert planned.files_of(changes["changes"]) == [{"path": CONFIG, "action": "attributes"}]
    (diff,) = planned.diffs_of(changes["changes"], {})
    assert (diff["before"], diff["after"]) == ("mode 0644, owner 0, group 0\n", "mode 0600\n")


def test_a_mode_of_three_digits_is_the_same_as_with_a_zero() -> None:
    assert changes_of("file_access", [setting(mode="644")], sections(), "/d")["changes"] == []


@pytest.mark.parametrize("mode", [0o644, 644, "rw-r--r--", "0999", ""])
def test_a_mode_that_yaml_may_have_read_as_another_number_is_refused(mode: object) -> None:
    with pytest.raises(NotPlannedError, match=r"config.yaml: mode is .*; write it in quotes"):
        changes_of("file_access", [setting(mode=mode)], sections(), "/d")


def test_nothing_changes_where_all_is_as_wanted() -> None:
    assert changes_of("file_access", [setting()], sections(mode="0600"), "/d")["changes"] == []


@pytest.mark.parametrize("moved", [{"mode": "0640"}, {"uid": 1}, {"exists": False}, {"mode": "0600"}])
def test_ground_that_has_moved_is_refused_by_name(moved: dict[str, Any]) -> None:
    with pytest.raises(NotPlannedError, match=CONFIG):
        changes_of("file_access", [setting(ground=GROUND)], sections(**moved), "/d")


def test_a_file_that_was_not_planned_is_refused() -> None:
    with pytest.raises(NotPlannedError, match="was not planned"):
        changes_of("file_access", [setting(ground={})], sections(), "/d")


def test_what_can_not_be_done_is_refused_once() -> None:
    with pytest.raises(NotPlannedError) as caught:
        changes_of("file_access", [setting(control=CONFIG)], sections(exists=False), "/d")
    assert str(caught.value).count(CONFIG) == 1


def test_missing_facts_are_refused() -> None:
    failed = {"files": {"status": "error", "reason": "too slow"}}
    with pytest.raises(NotPlannedError, match="too slow"):
        changes_of("file_access", [setting()], failed, "/d")
    with pytest.raises(NotPlannedError, match="kubelet facts are missing"):
        changes_of("kubelet", [], {}, "/d")


def test_the_collector_is_asked_for_each_path_once() -> None:
    asked = planned.request("file_access", [setting(), setting(path=HOSTILE), setting()])
    assert [file["path"] for file in asked["files"]] == [HOSTILE, CONFIG]
    assert planned.request("kubelet", [{"key": "a", "value": 1}])["files"] == []


@pytest.mark.parametrize(
    ("changes", "entry", "before", "after"),
    [
        ({"action": "directory"}, {}, "", "a directory\n"),
        ({"action": "edit"}, {"exists": True, "text": "{}", "redacted": False}, "{}", '{\n  "a": 1\n}\n'),
        ({"action": "edit"}, {"exists": False}, "", '{\n  "a": 1\n}\n'),
        (
            {"action": "edit"},
            {"exists": True, "text": "x", "redacted": True},
            "(holds a secret)\n",
            "(changed)\n",
        ),
    ],
)
def test_what_a_diff_shows(changes: dict[str, Any], entry: dict[str, Any], before: str, after: str) -> None:
    change = {"path": "/f", "edits": [{"op": "merge_json", "values": {"a": 1}}], **changes}
    (diff,) = planned.diffs_of([change], {"kubelet": {"data": {"files": {"/f": entry}}}})
    assert (diff["before"], diff["after"]) == (before, after)


def test_an_edit_that_can_not_be_shown_is_refused() -> None:
    change = {"path": "/f", "action": "edit", "edits": [{"op": "merge_json", "values": {}}]}
    entry = {"exists": True, "text": "not JSON", "redacted": False}
    with pytest.raises(NotPlannedError, match="/f"):
        planned.diffs_of([change], {"kubelet": {"data": {"files": {"/f": entry}}}})


def test_a_transaction_has_a_gate_where_it_restarts() -> None:
    made = transaction.transaction("kubelet", "r", "w1", CHANGES, {"window": 10, "limit": 60})
    assert made["gate"] == {"window": 10, "limit": 60, "argv": CHANGES["argv"]}
    assert (made["kind"], made["daemon_reload"]) == ("apply", True)
    quiet = {**copy.deepcopy(CHANGES), "restart": None}
    assert transaction.transaction("file_access", "r", "w1", quiet, {})["gate"] is None


@pytest.mark.parametrize(
    ("outcome", "failed", "changed"),
    [
        ("committed", False, True),
        ("nothing", False, False),
        ("restored", True, False),
        ("refused", True, False),
        ("abandoned", True, False),
        ("open", True, True),
    ],
)
def test_results(outcome: str, failed: bool, changed: bool) -> None:
    answer = {"role": "kubelet", "run": "r", "outcome": outcome, "reason": "why", "proved": False}
    found = transaction.result({**answer, "kubelet_error": "E1123 no"}, [])
    assert (found["failed"], found["changed"]) == (failed, changed)
    assert found["msg"].endswith(", not proved by a gate: why; the kubelet said: E1123 no (run r)")


@pytest.mark.parametrize(
    ("kinds", "strategy", "refused"),
    [
        ({"a": "control_plane"}, "free", False),
        ({"a": "control_plane", "b": "worker", "c": "worker"}, "linear", False),
        ({"a": "control_plane", "b": "control_plane"}, "linear", True),
        ({"a": "worker", "b": "worker"}, "free", True),
        ({"a": "worker", "b": None}, "ansible.builtin.linear", False),
    ],
)
def test_a_batch_holds_one_control_plane(kinds: dict[str, str | None], strategy: str, refused: bool) -> None:
    hostvars = {host: {"cksharden_node_kind": kind} for host, kind in kinds.items()}
    variables = {"ansible_play_batch": list(kinds), "hostvars": hostvars}
    check: Callable[[], None] = lambda: planned.check_batch(variables, strategy)  # noqa: E731
    if refused:
        with pytest.raises(NotPlannedError, match="serial: 1"):
            check()
    else:
        check()
