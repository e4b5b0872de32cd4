# SPDX-License-Identifier: Apache-2.0
"""The three facets of a kubelet setting: declared, running, and what an upgrade leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from cksharden.cluster import Cluster
from cksharden.facts import NodeFacts
from cksharden.kinds import KINDS, CannotRemedy
from cksharden.kinds.expectation import KubeletSetting
from cksharden.kinds.kubelet_example import example_facts
from cksharden.model import Judgement, Status

KIND = KINDS["kubelet_setting"]
PASS, FAIL, UNKNOWN = Status.PASS, Status.FAIL, Status.UNKNOWN
TLS: dict[str, Any] = {
    "key": "tlsMinVersion",
    "flag": "tls-min-version",
    "equals": "VersionTLS13",
    "absent": "fail",
}
GOOD, BAD = {"tlsMinVersion": "VersionTLS13"}, {"tlsMinVersion": "VersionTLS12"}


def spec(**said: Any) -> KubeletSetting:
    return msgspec.convert(TLS | said, KubeletSetting)


def judged(facts: NodeFacts | None = None, said: KubeletSetting | None = None, **example: Any) -> Judgement:
    judgement = KIND.judge(said or spec(), facts or example_facts(example))
    assert [item.what for item in judgement.items] == ["declared", "running", "persisted"]
    return judgement


def facets(judgement: Judgement) -> tuple[Status, ...]:
    return tuple(item.status for item in judgement.items)


def test_what_holds_everywhere_passes() -> None:
    judgement = judged(config=GOOD, configz=GOOD)
    assert facets(judgement) == (PASS, PASS, PASS)
    assert [item.source for item in judgement.items] == [
        "/var/lib/kubelet/config.yaml",
        "configz of example",
        "the ConfigMap kubelet-config",
    ]


def test_what_an_upgrade_takes_away_fails_and_is_remedied() -> None:
    judgement = judged(config=GOOD, config_map={})
    assert facets(judgement) == (PASS, PASS, FAIL)
    assert judgement.reason == "holds now, lost at the next kubeadm upgrade: tlsMinVersion is not set"
    assert KIND.remedy(spec(), example_facts({"config": GOOD, "config_map": {}})) == [
        {"key": "tlsMinVersion", "value": "VersionTLS13", "flag": "tls-min-version"}
    ]


@pytest.mark.parametrize(
    "example",
    [
        {"config": {}, "drop_ins": {"99-cksharden.conf": GOOD}},
        {"config": {}, "flags": ["--tls-min-version=VersionTLS13"]},
        {"config": {}, "config_map": BAD, "drop_ins": {"99-cksharden.conf": GOOD}},
    ],
)
def test_drop_ins_and_flags_stay_whatever_the_cluster_says(example: dict[str, Any]) -> None:
    assert facets(judged(**example)) == (PASS, PASS, PASS)
    nothing = replace(example_facts(example), cluster="no control plane answered")
    assert facets(judged(nothing)) == (PASS, PASS, PASS)


def test_without_the_cluster_the_next_upgrade_is_not_known() -> None:
    judgement = judged(config=GOOD, config_map=None)
    assert facets(judgement) == (PASS, PASS, UNKNOWN)
    assert judgement.status is UNKNOWN
    assert judgement.reason == (
        "holds now, and what the next kubeadm upgrade leaves is not known: no control plane answered"
    )


def test_what_fails_now_fails_whatever_comes() -> None:
    judgement = judged(config=BAD, config_map=None)
    assert (judgement.status, facets(judgement)) == (FAIL, (FAIL, FAIL, UNKNOWN))
    assert "control plane" not in judgement.reason
    judgement = judged(config=BAD, config_map=GOOD)
    assert facets(judgement) == (FAIL, FAIL, PASS)
    assert "(persisted: tlsMinVersion is VersionTLS13 in the ConfigMap kubelet-config)" in judgement.reason


def cluster(**changes: Any) -> Cluster:
    usual = Cluster("cp1", frozenset({"example"}), "tlsMinVersion: VersionTLS13\n", None)
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (cluster(nodes=frozenset({"w2"})), "the cluster of cp1 has no node example"),
        (cluster(disputed={"node example": "cp1 and cp2 disagree"}), "cp1 and cp2 disagree"),
        (cluster(disputed={"kubelet-config": "cp1 and cp2 disagree"}), "cp1 and cp2 disagree"),
        (cluster(kubelet_config=None), "the ConfigMap kubelet-config is not there"),
        (cluster(kubelet_config="[1]"), "the ConfigMap kubelet-config is not a mapping"),
        (cluster(kubelet_config="a: [1"), "not valid YAML"),
    ],
)
def test_a_cluster_that_can_not_tell(known: Cluster, reason: str) -> None:
    judgement = judged(replace(example_facts({"config": GOOD}), cluster=known))
    assert facets(judgement) == (PASS, PASS, UNKNOWN)
    assert reason in judgement.reason


def test_another_dispute_is_no_matter() -> None:
    known = cluster(disputed={"kubeadm-config": "x", "node w2": "y"})
    assert facets(judged(replace(example_facts({"config": GOOD}), cluster=known))) == (PASS, PASS, PASS)


@pytest.mark.parametrize(
    ("said", "config_map", "patches", "status"),
    [
        (TLS, BAD, {"kubeletconfiguration0.yaml": GOOD}, PASS),
        (TLS, GOOD, {"kubeletconfiguration0+merge.json": GOOD, "kubeletconfiguration1.yaml": BAD}, FAIL),
        (TLS, GOOD, {"kubeletconfiguration0.yaml": {"tlsMinVersion": None}}, UNKNOWN),
        (TLS, GOOD, {"kubeletconfiguration0.yaml": {"$patch": "replace"}}, UNKNOWN),
        (TLS, GOOD, {"kubeletconfiguration0+json.yaml": {"a": 1}}, UNKNOWN),
        # What kubeadm writes where nobody says it, and what it writes whatever anybody says.
        ({"key": "authentication.anonymous.enabled", "equals": False, "default": True}, {}, {}, PASS),
        ({"key": "rotateCertificates", "equals": True, "default": False}, {}, {}, PASS),
        (
            {"key": "rotateCertificates", "equals": True, "default": False},
            {"rotateCertificates": False},
            {"kubeletconfiguration.yaml": {"rotateCertificates": False}},
            FAIL,
        ),
    ],
)
def test_what_kubeadm_will_write(
    said: dict[str, Any], config_map: dict[str, Any], patches: dict[str, Any], status: Status
) -> None:
    facts = example_facts({"config": {}, "config_map": config_map, "patches": patches})
    judgement = judged(facts, msgspec.convert(said, KubeletSetting))
    assert judgement.items[2].status is status, judgement.items[2].reason


def test_patches_that_nobody_named_leave_it_open_where_they_could_matter() -> None:
    patched = {"config": GOOD, "patches": {"kubeletconfiguration.yaml": {"a": 1}}}
    for example, status in ((patched, UNKNOWN), (patched | {"drop_ins": {"a.conf": GOOD}}, PASS)):
        facts = example_facts(example)
        facts.section("kubelet")["patches"]["named"] = False
        assert facets(judged(facts)) == (PASS, PASS, status)


def test_instance_config_has_the_last_word_on_config_yaml() -> None:
    facts = example_facts({"config": GOOD})
    files = facts.section("kubelet")["files"]
    files["/var/lib/kubelet/instance-config.yaml"] = files["/var/lib/kubelet/config.yaml"] | {
        "text": "tlsMinVersion: VersionTLS12\n"
    }
    assert facets(judged(facts)) == (PASS, PASS, FAIL)


def test_a_kubelet_that_reads_another_file_is_left_alone_by_kubeadm() -> None:
    facts = example_facts({"config": GOOD, "config_map": BAD})
    section = facts.section("kubelet")
    section["files"]["/etc/own.yaml"] = section["files"]["/var/lib/kubelet/config.yaml"]
    unit = section["files"]["/usr/lib/systemd/system/kubelet.service"]
    unit["text"] = unit["text"].replace("/var/lib/kubelet/config.yaml", "/etc/own.yaml")
    section["process"]["argv"][1] = "--config=/etc/own.yaml"
    assert facets(judged(facts)) == (PASS, PASS, PASS)


@pytest.mark.parametrize(
    ("said", "configz", "status", "observed"),
    [
        (TLS, BAD, FAIL, "VersionTLS12"),
        (TLS, {}, FAIL, None),
        # A kubelet leaves out what is false or 0; a feature gate that it leaves out has its default.
        ({"key": "readOnlyPort", "equals": 0, "absent": "fail"}, {}, PASS, 0),
        ({"key": "protectKernelDefaults", "equals": True, "default": True}, {}, FAIL, False),
        ({"key": "featureGates.A", "equals": True, "default": True}, {}, PASS, None),
        (
            {"key": "featureGates.A", "equals": True, "default": True},
            {"featureGates": {"A": False}},
            FAIL,
            False,
        ),
    ],
)
def test_what_the_kubelet_says_itself_counts(
    said: dict[str, Any], configz: dict[str, Any], status: Status, observed: object
) -> None:
    facts = example_facts({"config": GOOD, "configz": configz, "config_newer": True})
    running = judged(facts, msgspec.convert(said, KubeletSetting)).items[1]
    assert (running.status, running.observed) == (status, observed)


def test_without_its_word_command_line_and_files_count() -> None:
    facts = example_facts({"config": GOOD, "configz": BAD})
    disputed = replace(facts, cluster=cluster(disputed={"node example": "two"}, configz={"example": BAD}))
    assert judged(disputed).items[1].source == "/var/lib/kubelet/config.yaml"
    assert judged(config=GOOD, config_newer=True).items[1].status is UNKNOWN


def test_a_flag_that_has_no_key_is_not_asked_of_the_kubelet() -> None:
    said = spec(key=None, equals=msgspec.UNSET, is_set=False, absent="pass")
    assert facets(judged(said=said, config={}, configz=GOOD)) == (PASS, PASS, PASS)


def test_a_kubelet_that_only_waits_for_its_restart_is_left_to_people() -> None:
    facts = example_facts({"config": GOOD, "configz": BAD})
    with pytest.raises(CannotRemedy, match="restart the kubelet"):
        KIND.remedy(spec(), facts)
