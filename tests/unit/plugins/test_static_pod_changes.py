# SPDX-License-Identifier: Apache-2.0
"""From settings to changes of a control plane's files, and to what kubeadm keeps."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import yaml

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    ConfigurationError,
    kept_settings,
    with_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import changes_of, diffs_of
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import static_pod_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import transaction
from tests.unit.node.manifests import API_SERVER, ETCD, small

DIRECTORY = "/etc/kubernetes/manifests"
AUDIT = {
    "name": "cksharden-config",
    "path": "/etc/kubernetes/cksharden",
    "read_only": True,
    "type": "Directory",
}
POLICY = {"path": "/etc/kubernetes/cksharden/audit-1.yaml", "content": "rules: []\n", "mode": "0600"}


def entry(name: str, data: bytes, **changes: Any) -> dict[str, Any]:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    attributes = {"exists": True, "mode": "0600", "uid": 0, "gid": 0, "digest": digest}
    place = {"path": f"{DIRECTORY}/{name}", "name": name, "type": "file", "hidden": name.startswith(".")}
    return {**attributes, **place, "text": data.decode(), **changes}


def section(*more: dict[str, Any]) -> dict[str, Any]:
    entries = [
        entry(".kubelet-keep", b""),
        entry("etcd.yaml", ETCD),
        entry("kube-apiserver.yaml", API_SERVER),
        entry("kube-scheduler.yaml", small("kube-scheduler")),
    ]
    found = sorted([*entries, *more], key=lambda each: each["name"])
    return {"directory": DIRECTORY, "entries": found, "files": {}}


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


# ---------------------------------------------------------------------- kubeadm-config

CONFIG = """\
apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
controllerManager: {}
etcd:
  local:
    dataDir: /var/lib/etcd
kind: ClusterConfiguration
networking:
  podSubnet: 10.244.0.0/16
scheduler: {}
"""
OLD = CONFIG.replace("v1beta4", "v1beta3")


def kept(name: str, *values: str, component: str = "kube-apiserver", **more: Any) -> dict[str, Any]:
    return {"component": component, "option": name, "values": list(values), **more}


def test_a_list_of_arguments_keeps_what_stands_several_times() -> None:
    items = [kept("service-account-issuer", "https://new", "https://old"), kept("v", "2", component="etcd")]
    after = with_settings(CONFIG, [*items, kept("profiling", "false", mounts=[AUDIT])])
    data = yaml.safe_load(after)
    assert data["apiServer"]["extraArgs"] == [
        {"name": "service-account-issuer", "value": "https://new"},
        {"name": "service-account-issuer", "value": "https://old"},
        {"name": "profiling", "value": "false"},
    ]
    (volume,) = data["apiServer"]["extraVolumes"]
    place = AUDIT["path"]
    assert volume == {
        "name": AUDIT["name"],
        "hostPath": place,
        "mountPath": place,
        "readOnly": True,
        "pathType": "Directory",
    }
    assert data["etcd"]["local"]["extraArgs"] == [{"name": "v", "value": "2"}]
    before = yaml.safe_load(CONFIG)
    assert {key: data[key] for key in before if key not in ("apiServer", "etcd")} == {
        key: before[key] for key in before if key not in ("apiServer", "etcd")
    }
    assert with_settings(after, items) == after
    assert (
        "extraArgs"
        not in yaml.safe_load(with_settings(after, [kept("v", component="etcd")]))["etcd"]["local"]
    )


def test_a_map_of_arguments() -> None:
    before = OLD.replace("apiServer: {}", "apiServer:\n  extraArgs: {audit_log_maxage: '10', v: '2'}")
    after = yaml.safe_load(with_settings(before, [kept("audit-log-maxage", "30"), kept("v")]))
    assert after["apiServer"]["extraArgs"] == {"audit-log-maxage": "30"}
    with pytest.raises(ConfigurationError, match="v1beta3 can't say"):
        with_settings(OLD, [kept("service-account-issuer", "a", "b")])


@pytest.mark.parametrize(
    ("text", "item", "told"),
    [
        (CONFIG.replace("v1beta4", "v1"), kept("v", "2"), "only v1beta3 and v1beta4"),
        ("[1", kept("v", "2"), "not YAML"),
        (CONFIG, kept("v", "2", component="etcd", mounts=[AUDIT]), "mounts nothing more into etcd"),
        (CONFIG.replace("  local:", "  external:"), kept("v", "2", component="etcd"), "etcd is external"),
        (CONFIG.replace("apiServer: {}", "apiServer: 1"), kept("v", "2"), "not what it should be"),
    ],
)
def test_what_the_configuration_can_not_hold_is_refused(text: str, item: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        with_settings(text, [item])


def test_kubeadm_keeps_what_the_manifest_says_and_not_what_was_asked() -> None:
    settings: list[dict[str, Any]] = [
        {"component": "kube-apiserver", "option": "enable-admission-plugins", "add": ["EventRateLimit"]},
        {"component": "kube-apiserver", "option": "token-auth-file", "value": None},
        {"remove_manifest": "/x", "pod": "x", "touch": "/y"},
    ]
    assert kept_settings(section(), settings) == [
        kept("enable-admission-plugins", "NodeRestriction", mounts=[]),
        kept("token-auth-file", mounts=[]),
    ]
