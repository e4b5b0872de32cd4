# SPDX-License-Identifier: Apache-2.0
"""A key comes in rounds after each of which every API server reads what any other one writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import (
    IDENTITY,
    EncryptionError,
    Key,
    first_round,
    known_key,
    readers,
    second_round,
    third_round,
    writer,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import (
    FILE,
    encryption_changes,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.key_names import latest, new_name

OURS = Key("secretbox", "ours", "b3Vycw==")
OTHER = Key("secretbox", "other", "b3RoZXI=")
AESCBC = Key("aescbc", "theirs", "dGhlaXJz")
KMS: dict[str, Any] = {"kms": {"apiVersion": "v2", "name": "vault", "endpoint": "unix:///run/kms.sock"}}
PLAIN: dict[str, Any] = {"identity": {}}


def keyed(*keys: Key) -> dict[str, Any]:
    return {keys[0].provider: {"keys": [{"name": one.name, "secret": one.secret} for one in keys]}}


def config(*entries: tuple[list[str], list[dict[str, Any]]]) -> str:
    said = [{"resources": resources, "providers": providers} for resources, providers in entries]
    return yaml.safe_dump(
        {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": said}
    )


def entries(text: str) -> list[tuple[list[str], list[dict[str, Any]]]]:
    return [(one["resources"], one["providers"]) for one in json.loads(text)["resources"]]


def test_from_nothing_the_key_first_reads_and_then_writes() -> None:
    first = first_round(None, "secrets", OURS)
    assert entries(first) == [(["secrets"], [PLAIN, keyed(OURS)])]
    second = second_round(first, "secrets", OURS)
    assert entries(second) == [(["secrets"], [keyed(OURS), PLAIN])]
    assert (first_round(first, "secrets", OURS), second_round(second, "secrets", OURS)) == (first, second)


def test_a_key_is_followed_by_another_and_goes() -> None:
    now = second_round(first_round(None, "secrets", OTHER), "secrets", OTHER)
    first = first_round(now, "secrets", OURS)
    assert entries(first) == [(["secrets"], [keyed(OTHER, OURS), PLAIN])]
    second = second_round(first, "secrets", OURS)
    assert entries(second) == [(["secrets"], [keyed(OURS, OTHER), PLAIN])]
    third = third_round(second, "secrets", OURS)
    assert entries(third) == [(["secrets"], [keyed(OURS), PLAIN])]
    assert third_round(third, "secrets", OURS) == third


def test_what_somebody_else_wrote_keeps_its_entries_and_providers() -> None:
    text = config((["secrets", "configmaps"], [PLAIN, KMS, keyed(AESCBC)]), (["*.apps"], [KMS]))
    second = second_round(first_round(text, "secrets", OURS), "secrets", OURS)
    assert entries(second) == [
        (["secrets"], [keyed(OURS), KMS, keyed(AESCBC), PLAIN]),
        (["configmaps"], [PLAIN, KMS, keyed(AESCBC)]),
        (["*.apps"], [KMS]),
    ]


def test_an_entry_of_its_own_stands_before_the_wildcard_that_covered_it() -> None:
    text = config((["*.apps"], [PLAIN]), (["*.*"], [PLAIN, keyed(AESCBC)]))
    assert entries(first_round(text, "secrets", OURS)) == [
        (["*.apps"], [PLAIN]),
        (["secrets"], [PLAIN, keyed(OURS), keyed(AESCBC)]),
        (["*.*"], [PLAIN, keyed(AESCBC)]),
    ]


def test_a_key_that_is_not_there_can_not_write() -> None:
    for round_ in (second_round, third_round):
        with pytest.raises(EncryptionError, match="has no key ours of secretbox"):
            round_(config((["secrets"], [PLAIN, keyed(OTHER)])), "secrets", OURS)


@pytest.mark.parametrize(
    "text",
    [
        "secret: [b3Vycw==",
        "[]",
        "kind: Secret",
        "kind: EncryptionConfiguration",
        "{kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [{aescbc: b3Vycw==}]}]}",
        "{kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [{a: 1, b: 2}]}]}",
    ],
)
def test_what_is_not_understood_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(EncryptionError) as raised:
        first_round(text, "secrets", OURS)
    assert "b3Vycw==" not in str(raised.value)


PROVIDERS = st.lists(
    st.sampled_from([PLAIN, KMS, keyed(AESCBC), keyed(OTHER)]),
    min_size=1,
    unique_by=lambda one: next(iter(one)),
)
CONFIGS = st.builds(
    config,
    st.tuples(
        st.sampled_from([["secrets"], ["configmaps"], ["configmaps", "secrets"], ["*.*"], ["*."]]), PROVIDERS
    ),
)


@given(st.none() | CONFIGS)
def test_after_each_round_all_that_was_written_before_it_is_read(text: str | None) -> None:
    first = first_round(text, "secrets", OURS)
    second = second_round(first, "secrets", OURS)
    wrote = [writer(one, "secrets") for one in (text, first, second)]
    assert wrote == [writer(text, "secrets"), writer(text, "secrets"), OURS.beginning]
    for one in (first, second):
        assert set(readers(one, "secrets")) == set(readers(text, "secrets")) | {wrote[0], OURS.beginning}
        assert readers(one, "configmaps") == readers(text, "configmaps")


def test_the_key_of_one_control_plane_is_everybodys() -> None:
    first = first_round(None, "secrets", OURS)
    assert known_key({"cp1": None, "cp2": None}, "secrets", "secretbox") is None
    assert known_key({"cp1": None, "cp2": first}, "secrets", "secretbox") == OURS
    both = second_round(first_round(first, "secrets", OTHER), "secrets", OTHER)
    assert (
        known_key({"cp1": first_round(first, "secrets", OTHER), "cp2": both}, "secrets", "secretbox") == OTHER
    )


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (
            config((["secrets"], [PLAIN, keyed(OTHER)])),
            "no key that all of them have: cp1 has ours; cp2 has other",
        ),
        (
            config((["secrets"], [PLAIN, keyed(OURS._replace(secret="YW5vdGhlcg=="))])),
            "cp1 and cp2 have two different keys by the name of k8s:enc:secretbox:v1:ours",
        ),
        (config((["secrets"], [KMS])), "cp2 writes secrets as k8s:enc:kms:v2:vault, which cp1 can't read"),
    ],
)
def test_two_keys_are_refused_and_both_places_named(theirs: str, told: str) -> None:
    with pytest.raises(EncryptionError, match=told):
        known_key({"cp1": first_round(None, "secrets", OURS), "cp2": theirs}, "secrets", "secretbox")


def test_a_rotation_that_was_cut_off_goes_on_with_the_key_that_came_last() -> None:
    old = Key("secretbox", "cksharden-00000000", "b2xk")
    new = Key("secretbox", new_name(old.name), "bmV3")
    newest = Key("secretbox", new_name(new.name), "bmV3ZXN0")
    before = second_round(first_round(None, "secrets", old), "secrets", old)
    first = first_round(before, "secrets", new)
    second = second_round(first, "secrets", new)
    third = first_round(first, "secrets", newest)
    for texts, key in (
        ((before, before), old),
        ((first, before), new),
        ((first, second), new),
        ((second, third_round(second, "secrets", new)), new),
        ((third, before), newest),
        ((third_round(second, "secrets", new),) * 2, new),
    ):
        assert known_key(dict(zip(("cp1", "cp2"), texts, strict=True)), "secrets", "secretbox") == key


def test_only_a_key_that_follows_one_that_is_there_tells_of_a_rotation() -> None:
    beginning = "k8s:enc:{}:v1:{}".format
    follower = new_name("key1")
    assert latest([beginning("aescbc", "key1"), beginning("aescbc", follower)]) == beginning(
        "aescbc", follower
    )
    assert latest([beginning("aescbc", "key1"), beginning("secretbox", follower)]) is None
    assert latest([beginning("secretbox", new_name(None)), beginning("secretbox", "key2"), IDENTITY]) is None
    assert latest([beginning("secretbox", follower)]) is None


def test_a_file_that_the_api_server_reads_again_is_gated_and_a_new_one_is_not() -> None:
    told = {"path": FILE, "named": None, "reloads": False}
    absent = encryption_changes({"encryption": "absent", **told}, "new")
    assert [one["path"] for one in absent["changes"]] == ["/etc/kubernetes/cksharden", FILE]
    assert (absent["changes"][1]["ground"], absent["changes"][1]["create"]["mode"]) == (None, "0600")
    assert absent["restart"] is None
    there = {"encryption": "read", **told, "text": "old", "digest": "d", "mode": "0600", "uid": 0, "gid": 0}
    read = there | {"named": FILE, "reloads": True}
    assert encryption_changes(read, "new")["restart"] == "encryption"
    assert encryption_changes(read, "old") == {
        **encryption_changes(read, "new"),
        "changes": [],
        "restart": None,
    }
    wide = encryption_changes(read | {"mode": "0640"}, "old")["changes"][1]
    assert (wide["attributes"], wide["ground"]["mode"]) == ({"mode": "0600"}, "0640")
    assert encryption_changes(read, "new")["changes"][1]["attributes"] == {}
    ground = {"digest": "d", "mode": "0600", "uid": 0, "gid": 0}
    assert encryption_changes(there, "new")["changes"][1]["ground"] == ground


def test_identity_is_what_no_entry_covers() -> None:
    assert writer(config((["configmaps"], [keyed(OURS)])), "secrets") == IDENTITY
