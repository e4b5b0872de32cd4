# SPDX-License-Identifier: Apache-2.0
"""Options of the control plane: read as their components read them, in three facets, and put right."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cksharden.kinds.control_plane_example import example_facts
from cksharden.kinds.control_plane_flag import ControlPlaneFlagKind
from cksharden.kinds.control_plane_spec import ControlPlaneFlag
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Judgement, Status

KIND = ControlPlaneFlagKind()
PROFILING: dict[str, Any] = {"option": "profiling", "type": "bool", "equals": False, "default": True}
PLUGINS: dict[str, Any] = {
    "option": "enable-admission-plugins",
    "type": "set",
    "contains": ["EventRateLimit"],
    "default": [],
}
LOG: dict[str, Any] = {
    "option": "audit-log-path",
    "is_set": True,
    "absent": "fail",
    "set": "/var/log/kubernetes/audit/audit.log",
    "mount": {"name": "cksharden-audit-log", "path": "/var/log/kubernetes/audit", "read_only": False},
}


def spec(**said: Any) -> ControlPlaneFlag:
    return msgspec.convert({"component": "kube-apiserver"} | said, ControlPlaneFlag)


def judged(said: dict[str, Any], **example: Any) -> Judgement:
    flag = spec(**said)
    return KIND.judge(flag, KIND.example(flag, example))


def remedied(said: dict[str, Any], **example: Any) -> list[dict[str, Any]]:
    flag = spec(**said)
    return KIND.remedy(flag, KIND.example(flag, example))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (PROFILING | {"gate": "AllAlpha"}, "gate goes with"),
        (PROFILING | {"default": {"new": True}}, "no minor version"),
        (PROFILING | {"instead": {"option": "profiling", "of": "x"}}, "instead: use one of"),
        (LOG | {"mount": {"name": "audit", "path": "/var/log"}}, "begins with cksharden-"),
        (PROFILING | {"component": "kubelet"}, "kubelet"),
        (PROFILING | {"excludes": ["x"]}, "exactly one of"),
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        spec(**said)


@pytest.mark.parametrize(
    ("type_", "values", "meaning"),
    [
        ("text", ("a", "b"), "b"),
        ("bool", ("T", "0"), False),
        ("int", ("-1",), -1),
        ("duration", ("1h2m3.5s",), 3723.5),
        ("set", ("a, b", "c,,a"), ["a", "b", "c", "a"]),
        ("list", ("a,b", "c"), ["a,b", "c"]),
        ("list", ("",), []),
        ("text", (), None),
    ],
)
def test_a_value_is_read_as_its_component_reads_it(type_: str, values: tuple[str, ...], meaning: Any) -> None:
    assert spec(option="o", type=type_, is_set=True, absent="fail").parse(values) == meaning


@pytest.mark.parametrize(
    ("type_", "text"), [("bool", "yes"), ("int", "1.5"), ("duration", "5"), ("duration", "m")]
)
def test_a_value_of_another_type_is_unknown(type_: str, text: str) -> None:
    found = judged(
        {"option": "o", "type": type_, "equals": 1, "default": 1}, options={"o": text}, live={}, rendered={}
    )
    assert found.status is Status.UNKNOWN
    assert "--o in " in found.reason


def test_the_worst_facet_counts_and_is_named() -> None:
    lost = judged(PROFILING, options={"profiling": "false"}, rendered={"profiling": None})
    assert lost.reason == (
        "holds now, lost at the next kubeadm upgrade: --profiling is not set, and kube-apiserver's default is "
        "true (kubeadm's kube-apiserver manifest)"
    )
    old = judged(PROFILING, options={"profiling": "false"}, live={"profiling": "true"})
    assert [item.status for item in old.items] == [Status.PASS, Status.FAIL, Status.PASS]
    assert old.source == "process 100"
    unseen = judged(PROFILING, options={"profiling": "false"}, rendered=None)
    assert unseen.reason.startswith("holds now, and what the next kubeadm upgrade leaves is not known")


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("v1.37.2", Status.PASS),
        ("v1.36.0", Status.PASS),
        ("v1.35.9", Status.FAIL),
        ("v1.29.0", Status.UNKNOWN),
        ("latest", Status.UNKNOWN),
    ],
)
def test_a_default_is_that_of_the_version(version: str, status: Status) -> None:
    maxage = {
        "option": "audit-log-maxage",
        "type": "int",
        "at_least": 30,
        "default": {"1.30": 0, "1.36": 366},
    }
    assert judged(maxage, version=version).status is status


def test_a_gate_is_one_of_many_and_the_last_word_counts() -> None:
    alpha = {"option": "feature-gates", "type": "bool", "gate": "AllAlpha", "equals": False, "default": False}
    assert judged(alpha, options={"feature-gates": "kube:B=true,kube:AllAlpha=true"}).status is Status.FAIL
    assert judged(alpha, options={"feature-gates": ["AllAlpha=true", "AllAlpha=false"]}).status is Status.PASS
    with pytest.raises(CannotRemedy, match="not cksharden's to choose"):
        remedied(alpha, options={"feature-gates": "AllAlpha=true"})


def test_etcd_is_also_told_by_its_environment_and_by_a_file_that_hides_all() -> None:
    auth = {"component": "etcd", "option": "auto-tls", "type": "bool", "equals": False, "default": False}
    told = judged(auth, env={"ETCD_AUTO_TLS": "true"})
    assert [item.status for item in told.items] == [Status.FAIL, Status.UNKNOWN, Status.FAIL]
    hidden = judged(auth, options={"config-file": "/etc/etcd.yaml"})
    assert hidden.status is Status.UNKNOWN
    assert "ignore its options" in hidden.reason
    assert judged(auth, there=False).status is Status.NOT_APPLICABLE


def test_a_component_that_has_to_be_there_is_unknown_where_it_is_not() -> None:
    assert judged(PROFILING, there=False).status is Status.UNKNOWN


def test_what_a_file_says_in_its_place_is_changed_there() -> None:
    modes = {
        "option": "authorization-mode",
        "type": "set",
        "contains": ["RBAC"],
        "default": ["AlwaysAllow"],
        "instead": {"option": "authorization-config", "of": "authorizers[].type"},
    }
    path = "/etc/kubernetes/pki/authz.yaml"
    file = {"kind": "AuthorizationConfiguration", "authorizers": [{"type": "Node"}]}
    example = {"options": {"authorization-config": path}, "files": {path: file}}
    assert judged(modes, **example).observed == ["Node"]
    with pytest.raises(CannotRemedy, match=path):
        remedied(modes, **example)


@pytest.mark.parametrize(
    ("said", "example", "item"),
    [
        (PROFILING, {}, {"option": "profiling", "value": "false"}),
        (PLUGINS, {}, {"option": "enable-admission-plugins", "add": ["EventRateLimit"]}),
        (
            {"option": "token-auth-file", "is_set": False, "absent": "pass"},
            {"options": {"token-auth-file": "/tokens"}},
            {"option": "token-auth-file", "value": None},
        ),
        (
            {
                "option": "disable-admission-plugins",
                "type": "set",
                "excludes": ["PodSecurity"],
                "default": [],
            },
            {"options": {"disable-admission-plugins": "PodSecurity"}},
            {"option": "disable-admission-plugins", "remove": ["PodSecurity"]},
        ),
        (
            {"option": "request-timeout", "type": "duration", "at_least": 60, "default": 60},
            {"options": {"request-timeout": "5s"}},
            {"option": "request-timeout", "value": "60s"},
        ),
        (LOG, {}, {"option": "audit-log-path", "value": "/var/log/kubernetes/audit/audit.log"}),
        (
            LOG,
            {"mounted": False},
            {
                "option": "audit-log-path",
                "value": "/var/log/kubernetes/audit/audit.log",
                "mounts": [
                    {
                        "name": "cksharden-audit-log",
                        "path": "/var/log/kubernetes/audit",
                        "read_only": False,
                        "type": "DirectoryOrCreate",
                    }
                ],
            },
        ),
    ],
)
def test_the_intent_says_what_and_not_how(
    said: dict[str, Any], example: dict[str, Any], item: dict[str, Any]
) -> None:
    assert remedied(said, **example) == [{"component": "kube-apiserver"} | item]


def test_what_only_waits_for_its_process_is_not_changed() -> None:
    with pytest.raises(CannotRemedy, match="not taken it yet"):
        remedied(PROFILING, options={"profiling": "false"}, live={"profiling": "true"})


def test_what_holds_now_is_kept_by_its_own_value() -> None:
    age = {"option": "audit-log-maxage", "type": "int", "at_least": 30, "absent": "fail"}
    lost = {"options": {"audit-log-maxage": "90"}, "rendered": {"audit-log-maxage": None}}
    assert remedied(age, **lost) == [
        {"component": "kube-apiserver", "option": "audit-log-maxage", "value": "90"}
    ]


def test_a_profile_changes_values_and_not_the_question() -> None:
    timeout = spec(option="request-timeout", type="duration", at_least=60, default=60)
    KIND.check_parameters(timeout, {"at_least": 30})
    with pytest.raises(ValueError, match="option"):
        KIND.check_parameters(timeout, {"option": "profiling"})
    absent = spec(option="token-auth-file", is_set=False, absent="pass")
    with pytest.raises(ValueError, match="say absent too"):
        KIND.check_parameters(absent, {"is_set": True})


@pytest.mark.parametrize(("theirs", "status"), [("the one\n", Status.FAIL), ("another", Status.PASS)])
def test_a_copy_of_another_ca_is_no_ca_of_its_own(theirs: str, status: Status) -> None:
    said = {"component": "etcd", "option": "trusted-ca-file", "type": "set", "absent": "fail"}
    own = spec(**said, excludes=["/etc/kubernetes/pki/ca.crt"], unlike="client-ca-file")
    files = {"/etc/kubernetes/pki/etcd/ca.crt": "the one", "/etc/kubernetes/pki/ca.crt": theirs}
    found = KIND.judge(own, example_facts({"files": files}, "etcd", "kube-apiserver"))
    assert found.status is status
    assert ("/etc/kubernetes/pki/etcd/ca.crt holds what /etc/kubernetes/pki/ca.crt does" in found.reason) == (
        status is Status.FAIL
    )


ISSUER: dict[str, Any] = {
    "option": "service-account-issuer",
    "type": "first",
    "is_set": True,
    "set": "https://new",
    "absent": "fail",
}


def test_of_an_option_whose_first_counts_the_others_stay_behind() -> None:
    old = {"service-account-issuer": "https://old"}
    assert judged(ISSUER, options=old).status is Status.FAIL
    (item,) = remedied(ISSUER, options=old)
    assert item["value"] == ["https://new", "https://old"]
    turned = {"service-account-issuer": ["https://old", "https://new"]}
    assert judged(ISSUER, options=turned).status is Status.FAIL
    assert remedied(ISSUER, options=turned)[0]["value"] == ["https://new", "https://old"]
    both = {"service-account-issuer": ["https://new", "https://old"]}
    assert judged(ISSUER, options=both).status is Status.PASS
    (kept,) = remedied(ISSUER, options=both, rendered=old)
    assert kept["value"] == ["https://new", "https://old"]
