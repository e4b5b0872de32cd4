# SPDX-License-Identifier: Apache-2.0
"""What kubeadm-config gets of the settings, and what a rollback takes out of it again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    Configuration,
    ConfigurationError,
    with_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.configuration_back import Back, taken_back
from ansible_collections.cksharden.node.plugins.plugin_utils.kept_settings import (
    common_settings,
    declared_settings,
)
from tests.unit.plugins.static_pods_section import AUDIT, POLICY, section

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


# ------------------------------------------------------------------ what every control plane has


def declared(name: str, *values: str, reason: str = "", unordered: bool = False) -> dict[str, Any]:
    return {**kept(name, *values, mounts=[]), "unordered": unordered, "reason": reason}


def test_a_control_plane_tells_what_its_manifest_says_and_not_what_was_asked() -> None:
    settings: list[dict[str, Any]] = [
        {"component": "kube-apiserver", "option": "enable-admission-plugins", "add": ["EventRateLimit"]},
        {"component": "kube-apiserver", "option": "token-auth-file", "value": None},
        {"remove_manifest": "/x", "pod": "x", "touch": "/y"},
    ]
    assert declared_settings(section(), settings) == [
        declared("enable-admission-plugins", "NodeRestriction", unordered=True),
        declared("token-auth-file"),
    ]


def test_what_it_lacks_is_told() -> None:
    audit = {"component": "kube-apiserver", "option": "profiling", "value": "false", "mounts": [AUDIT]}
    controller = {"component": "kube-controller-manager", "option": "profiling", "value": "false"}
    told = declared_settings(section(), [audit, controller])
    assert [one["reason"] for one in told] == [
        "/etc/kubernetes/cksharden is not mounted",
        "it has no manifest of kube-controller-manager",
    ]


def test_kubeadm_gets_what_all_have() -> None:
    items, left_out = common_settings(
        {
            "cp1": [
                declared("profiling", "false"),
                declared("v", "2"),
                declared("admit", "A,B", unordered=True),
                declared("audit-policy-file", "/a"),
                declared("token-auth-file"),
            ],
            "cp2": [
                declared("profiling", "false"),
                declared("v", "4"),
                declared("admit", "B,A", unordered=True),
                declared("audit-policy-file", "/a", reason="/a is not there"),
                declared("token-auth-file"),
            ],
        }
    )
    assert items == [
        kept("profiling", "false", mounts=[]),
        kept("admit", "A,B", mounts=[]),
        kept("token-auth-file", mounts=[]),
    ]
    assert left_out == [
        "--v of kube-apiserver: cp2 has 4 and cp1 2",
        "--audit-policy-file of kube-apiserver: on cp2, /a is not there",
    ]


# --------------------------------------------------------------------------------- the way back

RUN = [kept("profiling", "false"), kept("audit-policy-file", POLICY["path"], mounts=[AUDIT])]
BEFORE = with_settings(CONFIG, [kept("profiling", "true")])
AFTER = with_settings(BEFORE, RUN)
NAMES = [f"--{name} of kube-apiserver" for name in ("profiling", "audit-policy-file")]
VOLUME = "the volume cksharden-config of kube-apiserver"


def test_what_nobody_has_changed_since_is_the_same_text_again() -> None:
    odd = "# a comment\n" + BEFORE
    assert taken_back(AFTER, odd, AFTER, force=False) == Back(odd, [*NAMES, VOLUME], [])
    assert taken_back(odd, odd, AFTER, force=False) == Back(odd, [], [])


def test_what_others_have_put_there_since_stays() -> None:
    now = with_settings(AFTER, [kept("v", "3"), kept("v", "2", component="kube-scheduler")])
    back = taken_back(now, BEFORE, AFTER, force=False)
    assert (back.goes, back.left) == ([*NAMES, VOLUME], [])
    there = Configuration(back.text)
    assert there.options("kube-apiserver") == {"profiling": ["true"], "v": ["3"]}
    assert there.options("kube-scheduler") == {"v": ["2"]}
    assert there.volumes("kube-apiserver") == {}
    assert taken_back(back.text, BEFORE, AFTER, force=False) == Back(back.text, [], [])


@pytest.mark.parametrize("force", [False, True])
def test_what_others_have_changed_since_stays_unless_forced(force: bool) -> None:
    now = with_settings(AFTER, [kept("profiling", "maybe")]).replace("readOnly: true", "readOnly: false")
    back = taken_back(now, BEFORE, AFTER, force=force)
    here = Configuration(back.text)
    assert back.left == ([] if force else [NAMES[0], VOLUME])
    assert here.options("kube-apiserver") == {"profiling": ["true" if force else "maybe"]}
    assert bool(here.volumes("kube-apiserver")) is not force


def test_a_volume_that_another_option_needs_stays() -> None:
    now = with_settings(AFTER, [kept("admission-control-config-file", f"{AUDIT['path']}/admission.yaml")])
    back = taken_back(now, BEFORE, AFTER, force=False)
    assert (back.goes, back.left) == (NAMES, [])
    assert "cksharden-config" in Configuration(back.text).volumes("kube-apiserver")


def test_it_goes_back_in_the_other_form_too() -> None:
    """Between the run and its rollback lies an upgrade that migrated kubeadm-config."""
    old = with_settings(OLD, [kept("profiling", "true")])
    back = taken_back(AFTER, old, with_settings(old, RUN), force=False)
    assert Configuration(back.text).options("kube-apiserver") == {"profiling": ["true"]}
    assert "v1beta4" in back.text


OPTIONS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.lists(st.sampled_from("xyz"), min_size=1, max_size=2)
)


def configured(options: dict[str, list[str]]) -> str:
    return with_settings(CONFIG, [kept(name, *values) for name, values in options.items()])


@given(OPTIONS, OPTIONS, OPTIONS)
def test_nothing_but_the_run_goes(
    before: dict[str, list[str]], after: dict[str, list[str]], now: dict[str, list[str]]
) -> None:
    back = taken_back(configured(now), configured(before), configured(after), force=False)
    there = Configuration(back.text).options("kube-apiserver")
    for name in "abcd":
        was, ours, found = (one.get(name, []) for one in (before, after, now))
        assert there.get(name, []) == (was if found == ours else found)
        assert (f"--{name} of kube-apiserver" in back.left) == (found not in (was, ours) and was != ours)
