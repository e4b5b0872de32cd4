# SPDX-License-Identifier: Apache-2.0
"""A new key is proved by what the API server says it has loaded, and the node ends as before or as planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import encryption_settings, rollback, store
from ansible_collections.cksharden.node.plugins.module_utils.node.follow import follow
from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS
from ansible_collections.cksharden.node.plugins.module_utils.node.rollback_preview import preview
from tests.unit.node.fake_control_plane import ControlPlane
from tests.unit.node.fake_encryption import (
    FILE,
    IDENTITY,
    KEY,
    OTHER,
    ROUND_1,
    ROUND_2,
    EncryptionPlane,
    config,
    secretbox,
)
from tests.unit.node.fakes import RUN, in_child

BACK = "20261123T150000Z-bbbbbb"


@pytest.fixture
def plane(tmp_path: Path) -> EncryptionPlane:
    return EncryptionPlane(tmp_path)


def apply(plane: EncryptionPlane, transaction: dict[str, Any]) -> dict[str, Any]:
    """Begin a transaction and run it to its end."""
    assert plane.begin(transaction)["begun"]
    return plane.run(transaction["run"], transaction["role"])


def take_back(plane: EncryptionPlane, role: str) -> dict[str, Any]:
    """Return the transaction that takes a role of RUN back."""
    of = next(each for each in store.kept(plane.base) if (each.run, each.role) == (RUN, role))
    payload = {"run": BACK, "host": "w1", "force": False, "window": None, "limit": None}
    return rollback.build(plane.base, of, payload)[0]


def test_the_server_reads_the_new_file_by_itself(plane: EncryptionPlane) -> None:
    started = plane.system.get("pods")
    closed = apply(plane, plane.round())
    assert (closed["outcome"], closed["proved"]) == ("committed", True)
    assert 1 <= closed["watched"] <= 62
    plane.assert_round()
    assert plane.system.get("pods") == started, "nothing restarts"


def test_a_file_that_the_server_refuses_is_put_back_at_once(plane: EncryptionPlane) -> None:
    begun = plane.system.monotonic()
    closed = apply(plane, plane.round("resources: no"))
    assert closed["outcome"] == "refused", "the node itself sees that nothing could be read"
    broken = ROUND_2.replace("EncryptionConfiguration", "Other")
    closed = apply(plane, plane.round(broken, BACK))
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    assert "refuses" in closed["reason"]
    assert "kube-apiserver said: E1123 error processing encryption config file" in closed["reason"]
    assert plane.system.monotonic() - begun < 70
    plane.assert_before()


def test_a_file_that_is_not_read_in_time_is_put_back(plane: EncryptionPlane) -> None:
    plane.system.set(polls=False)
    closed = apply(plane, plane.round())
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    assert f"did not load {plane.path(FILE)} within 180 s" in closed["reason"]
    plane.assert_before()


def test_put_back_but_nobody_is_there_to_prove_it(plane: EncryptionPlane) -> None:
    plane.begin(plane.round())
    plane.agent(meanwhile=("gating", lambda: plane.system.set(api=False)))
    assert (plane.closed()["outcome"], plane.closed()["proved"]) == ("restored", False)
    assert "did not answer" in plane.closed()["reason"]
    plane.assert_before()


def test_a_server_that_started_anew_meanwhile_counts_from_nothing(plane: EncryptionPlane) -> None:
    plane.system.set(refused=40)
    plane.begin(plane.round())

    def start_anew() -> None:
        pods = plane.system.get("pods")
        pods["kube-apiserver"] |= {"number": 77}
        plane.system.set(pods=pods)

    plane.agent(meanwhile=("gating", start_anew))
    assert plane.closed()["outcome"] == "committed"
    plane.assert_round()


def test_what_was_put_there_a_moment_ago_is_waited_for(plane: EncryptionPlane) -> None:
    text = config(IDENTITY, secretbox("key1", "key2"))
    (plane.root / FILE).write_text(text)
    assert apply(plane, plane.round(config(secretbox("key1", "key2"), IDENTITY)))["outcome"] == "committed"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"api": False}, "the API server does not answer"),
        ({"loaded": ""}, "does not tell what it has loaded"),
        ({"loaded": "sha256:" + "0" * 64, "polls": False}, "did not load"),
    ],
)
def test_a_server_that_could_not_prove_it_is_refused(
    plane: EncryptionPlane, state: dict[str, Any], told: str
) -> None:
    plane.system.set(**state)
    closed = apply(plane, plane.round())
    assert closed["outcome"] == "refused"
    assert told in closed["reason"]
    plane.assert_before()


@pytest.mark.parametrize(
    ("word", "other", "told"),
    [
        ("automatic-reload=true", "automatic-reload=false", "does not have"),
        (FILE, "etc/kubernetes/another.yaml", "does not name"),
        ("apiVersion", "\tapiVersion", "is not understood"),
    ],
)
def test_a_manifest_that_does_not_have_the_file_read_is_refused(
    plane: EncryptionPlane, word: str, other: str, told: str
) -> None:
    manifest = Path(plane.manifest("kube-apiserver"))
    manifest.write_text(manifest.read_text().replace(word, other))
    closed = apply(plane, plane.round())
    assert closed["outcome"] == "refused"
    assert told in closed["reason"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("text", [ROUND_2, ROUND_2.replace("EncryptionConfiguration", "Other")])
def test_killed_once(plane: EncryptionPlane, step: str, reboots: bool, text: str) -> None:
    plane.begin(plane.round(text))
    if in_child(lambda: plane.agent(fatal=step)):
        if reboots:
            plane.system.reboot()
        plane.agent()
    closed = plane.closed()
    if closed["outcome"] == "committed":
        plane.assert_round()
    else:
        plane.assert_before()
        assert closed["proved"]


def test_a_round_goes_back_to_the_one_before(plane: EncryptionPlane) -> None:
    apply(plane, plane.round())
    plane.system.set(stored={KEY: 3})
    back = take_back(plane, "encryption_2")
    assert back["gate"]["limit"] is None
    assert apply(plane, back)["outcome"] == "committed"
    plane.assert_round(ROUND_1)


def test_with_the_api_down_it_goes_back_at_once_and_says_that_nothing_proved_it(
    plane: EncryptionPlane,
) -> None:
    apply(plane, plane.round())
    plane.system.set(api=False, stored={KEY: 3})
    begun = plane.system.monotonic()
    closed = apply(plane, take_back(plane, "encryption_2"))
    assert (closed["outcome"], closed["proved"]) == ("committed", False)
    assert plane.system.monotonic() - begun < 10
    assert plane.text() == ROUND_1


def test_keys_stay_in_files_of_root_alone(plane: EncryptionPlane) -> None:
    apply(plane, plane.round(config(secretbox("key1", "key2"), IDENTITY)))
    told = [
        plane.records(),
        preview({"of": RUN}, plane.base),
        follow({"run": RUN, "role": "encryption_2"}, plane.base, plane.system),
    ]
    assert "of key" not in json.dumps(told)
    holding = [
        path
        for path in Path(plane.base).rglob("*")
        if path.is_file() and any(key in path.read_bytes() for key in (b"of key1", b"of key2"))
    ]
    assert {path.name for path in holding} == {"transaction.json", "0"}
    for path in holding:
        assert path.stat().st_mode & 0o777 == 0o600
    assert Path(plane.base).stat().st_mode & 0o777 == 0o700


# -------------------------------------------------------------- no key goes that is in use


WITHOUT = config(secretbox("key2"), IDENTITY)


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"identity": 2}, ""),
        ({OTHER: 2, "identity": 1}, ""),
        (
            {OTHER: 2, KEY: 1},
            f"secrets are stored in ways that the API server could not read any more (1 as {KEY})",
        ),
    ],
)
def test_a_key_goes_when_nothing_is_stored_by_it(
    plane: EncryptionPlane, stored: dict[str, int], told: str
) -> None:
    plane.system.set(stored=stored)
    closed = apply(plane, plane.round(WITHOUT))
    assert told in closed["reason"]
    assert closed["outcome"] == ("refused" if told else "committed")
    if told:
        plane.assert_before()


def test_another_key_of_the_same_name_takes_the_old_one_away(plane: EncryptionPlane) -> None:
    plane.system.set(stored={KEY: 1})
    closed = apply(plane, plane.round(ROUND_2.replace("of key1", "of nobody")))
    assert closed["outcome"] == "refused"
    assert "of nobody" not in closed["reason"]


def test_without_identity_nothing_may_be_stored_in_the_clear(plane: EncryptionPlane) -> None:
    closed = apply(plane, plane.round(config(secretbox("key1"))))
    assert "3 as identity" in closed["reason"]
    plane.assert_before()


def test_no_key_goes_while_etcd_does_not_tell_what_it_holds(plane: EncryptionPlane) -> None:
    plane.system.set(members=["w1"], bad={"members": "w1"})
    closed = apply(plane, plane.round(WITHOUT))
    assert closed["outcome"] == "refused"
    assert "is not known: refused" in closed["reason"]
    closed = apply(plane, plane.round(run=BACK))
    assert closed["outcome"] == "committed", "etcd is not asked about one that takes nothing away"


def test_what_a_wildcard_covers_is_not_looked_up(plane: EncryptionPlane) -> None:
    (plane.root / FILE).write_text(config(secretbox("key1"), IDENTITY, resource="*.*"))
    closed = apply(plane, plane.round(config(secretbox("key2"), IDENTITY, resource="*.*")))
    assert closed["outcome"] == "refused"
    assert "is not known" in closed["reason"]


@pytest.fixture
def named(tmp_path: Path) -> EncryptionPlane:
    """A control plane whose flag came by a run, which can be taken back."""
    plane = EncryptionPlane(tmp_path)
    manifest = Path(plane.manifest("kube-apiserver"))
    flagged = manifest.read_text()
    path = plane.path(FILE)
    manifest.write_text("".join(line for line in flagged.splitlines(True) if "encryption" not in line))
    plane.system.set(pods={})
    plane.system.sleep(30)
    items = [
        {"option": "encryption-provider-config", "value": path},
        {"option": "encryption-provider-config-automatic-reload", "value": "true"},
    ]
    transaction = ControlPlane.transaction(plane, changed=("kube-apiserver",))
    transaction["changes"][1]["edits"][0]["items"] = items
    plane.begin(transaction)
    assert plane.run(role="static_pods")["outcome"] == "committed", plane.closed(role="static_pods")
    return plane


@pytest.mark.parametrize("api", [True, False])
def test_the_flag_stays_while_secrets_are_encrypted(named: EncryptionPlane, api: bool) -> None:
    named.system.set(stored={"identity": 1, KEY: 2}, api=api)
    before = named.snapshot()
    closed = apply(named, take_back(named, "static_pods"))
    assert closed["outcome"] == "refused"
    assert f"2 as {KEY}" in closed["reason"]
    assert named.snapshot() == before


def test_the_flag_goes_once_they_were_rewritten(named: EncryptionPlane) -> None:
    assert apply(named, take_back(named, "static_pods"))["outcome"] == "committed"
    assert "encryption" not in Path(named.manifest("kube-apiserver")).read_text()


def test_the_file_stays_while_the_manifest_names_it(plane: EncryptionPlane) -> None:
    gone = {
        "path": plane.path(FILE),
        "action": "restore",
        "before": {"existed": False, "path": plane.path(FILE)},
    }
    transaction = plane.round(role="encryption_1") | {"restart": None, "gate": None}
    transaction["changes"] = [gone | {"backup": "", "ground": transaction["changes"][0]["ground"]}]
    closed = apply(plane, transaction)
    assert closed["outcome"] == "refused"
    assert f"kube-apiserver.yaml names {plane.path(FILE)}, which would not be there" in closed["reason"]
    plane.assert_before()


def test_a_manifest_that_nobody_understands_is_judged_by_what_is_stored(named: EncryptionPlane) -> None:
    manifest = Path(named.manifest("kube-apiserver"))
    back = take_back(named, "static_pods")
    manifest.write_text("\t")
    back["changes"] = [
        change | {"ground": None if change["ground"] is None else {**change["ground"], "digest": None}}
        for change in back["changes"]
    ]
    named.system.set(stored={KEY: 1})
    assert apply(named, back)["outcome"] == "refused"


def test_the_floor_of_the_gate_is_told(plane: EncryptionPlane) -> None:
    transaction = plane.round()
    transaction["gate"]["limit"] = 5
    raised = plane.begin(transaction)["raised"]
    assert raised == ["the gate's limit of 5 s was raised to 90 s: the file is read every 60 s"]
    assert encryption_settings.patience({}) == 3 * 180
