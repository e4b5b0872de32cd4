# SPDX-License-Identifier: Apache-2.0
"""From settings to changes of a control plane's files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import changes_of, diffs_of
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import static_pod_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import transaction
from tests.unit.node.manifests import API_SERVER, ETCD
from tests.unit.plugins.static_pods_section import AUDIT, DIRECTORY, POLICY, entry, section


def option(name: str, value: Any = "false", component: str = "kube-apiserver", **more: Any) -> dict[str, Any]:
    return {"control": name, "component": component, "option": name, "value": value, **more}


def paths(changes: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["action"], change["path"].rpartition("/")[2]) for change in changes["changes"]]


def test_files_come_first_then_etcd_then_the_others() -> None:
    items = [
        option("profiling", component="kube-scheduler"),
        option("audit-policy-file", POLICY["path"], mounts=[AUDIT], files=[POLICY]),
        option("max-snapshots", "6", component="etcd"),
    ]
    told = static_pod_changes(section(), items)
    assert paths(told) == [
        ("directory", "cksharden"),
        ("edit", "audit-1.yaml"),
        ("edit", "etcd.yaml"),
        ("edit", "kube-apiserver.yaml"),
        ("edit", "kube-scheduler.yaml"),
    ]
    assert told["refused"] == []
    assert sorted(told["gate"]["manifests"]) == ["etcd", "kube-apiserver", "kube-scheduler"]
    after = yaml.safe_load(apply_edits(API_SERVER, told["changes"][3]["edits"]))
    assert f"--audit-policy-file={POLICY['path']}" in after["spec"]["containers"][0]["command"]
    sent = transaction("static_pods", "r", "cp1", told, {"window": 30})
    assert sent["gate"] == {"window": 30, **told["gate"]}


def test_what_holds_already_changes_nothing() -> None:
    told = static_pod_changes(section(), [option("secure-port", "6443"), option("profiling", None)])
    assert (told["changes"], told["restart"]) == ([], None)


def test_a_setting_that_no_control_asked_for_is_named_by_its_option() -> None:
    item = {"component": "kube-scheduler", "option": "v", "value": "a\nb"}
    (refused,) = static_pod_changes(section(), [item])["refused"]
    assert refused["control"] == "--v"


def test_several_controls_of_one_list_are_one_change() -> None:
    plugins = {"control": "a", "component": "kube-apiserver", "option": "enable-admission-plugins"}
    items = [
        {**plugins, "add": ["EventRateLimit"]},
        {**plugins, "control": "b", "add": ["DenyServiceExternalIPs"]},
    ]
    (change,) = static_pod_changes(section(), items)["changes"]
    assert b"=NodeRestriction,EventRateLimit,DenyServiceExternalIPs\n" in apply_edits(
        API_SERVER, change["edits"]
    )


@pytest.mark.parametrize(
    ("more", "item", "told"),
    [
        ((), option("x", component="kube-controller-manager"), "no manifest of kube-controller-manager"),
        ((), option("x", mounts=[{**AUDIT, "name": "k8s-certs"}]), "a volume k8s-certs of its own"),
        ((entry("kube-apiserver.yaml.bak", API_SERVER),), option("x"), "both define kube-apiserver"),
        ((), option("x", "a\nb"), "is no value of an option"),
    ],
)
def test_what_can_not_be_made_to_hold_is_refused(more: Any, item: dict[str, Any], told: str) -> None:
    answer = static_pod_changes(section(*more), [item])
    assert answer["changes"] == []
    assert told in answer["refused"][0]["reason"]


def test_a_stray_goes_just_before_the_true_manifest_is_touched() -> None:
    stray = {"control": "c", "remove_manifest": f"{DIRECTORY}/etcd.yaml~", "pod": "kube-system/etcd"}
    stray["touch"] = f"{DIRECTORY}/etcd.yaml"
    told = static_pod_changes(section(entry("etcd.yaml~", ETCD)), [stray, option("profiling")])
    assert paths(told) == [("restore", "etcd.yaml~"), ("edit", "etcd.yaml"), ("edit", "kube-apiserver.yaml")]
    assert told["gate"]["strays"] == {f"{DIRECTORY}/etcd.yaml~": "etcd"}
    assert apply_edits(ETCD, told["changes"][1]["edits"]) == ETCD


def test_the_role_reads_the_section_and_shows_the_difference() -> None:
    sections = {"static_pods": {"status": "ok", "data": section()}}
    told = changes_of("static_pods", [option("profiling")], sections, "")
    (diff,) = diffs_of(told["changes"], sections)
    assert diff["after"].replace("    - --profiling=false\n", "") == diff["before"]
