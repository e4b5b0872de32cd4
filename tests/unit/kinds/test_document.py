# SPDX-License-Identifier: Apache-2.0
"""What the files of a control plane answer, as the API server takes them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cksharden.kinds.audit_policy import audit_levels
from cksharden.kinds.document import DocumentError, answer, read

SECRETS = [{"resources": ["secrets"]}]


@pytest.mark.parametrize(
    ("rules", "request_", "levels"),
    [
        ([], "get secrets", ["None"]),
        ([{"level": "Metadata"}, {"level": "Request"}], "get secrets", ["Metadata"]),
        ([{"level": "Metadata", "verbs": ["list"]}], "get secrets", ["None"]),
        ([{"level": "Metadata", "users": ["u"]}, {"level": "Request"}], "get pods", ["Metadata", "Request"]),
        ([{"level": "Metadata", "namespaces": ["n"]}, {"level": "Metadata"}], "get pods", ["Metadata"]),
        ([{"level": "None", "nonResourceURLs": ["*"]}, {"level": "Metadata"}], "get pods", ["Metadata"]),
        ([{"level": "Metadata", "resources": SECRETS}], "get secrets.example.org", ["None"]),
        ([{"level": "Metadata", "resources": [{"group": "apps"}]}], "patch deployments.apps", ["Metadata"]),
        ([{"level": "Metadata", "resources": [{"group": "*"}]}], "patch deployments.apps", ["Metadata"]),
        ([{"level": "Metadata", "resources": [{"resources": ["pods"]}]}], "create pods/exec", ["None"]),
        ([{"level": "Metadata", "resources": [{"resources": ["pods/*"]}]}], "create pods/exec", ["Metadata"]),
        ([{"level": "Metadata", "resources": [{"resources": ["*/exec"]}]}], "create pods/exec", ["Metadata"]),
        ([{"level": "Metadata", "resources": [{"resources": ["*"]}]}], "create pods/exec", ["Metadata"]),
        (
            [{"level": "Request", "resources": [{"resources": ["secrets"], "resourceNames": ["s"]}]}],
            "get secrets",
            ["Request", "None"],
        ),
        ([{"level": "Request", "omitStages": ["ResponseComplete"]}], "get secrets", ["None"]),
    ],
)
def test_an_audit_policy_gives_the_levels_that_its_rules_leave_open(
    rules: list[dict[str, Any]], request_: str, levels: list[str]
) -> None:
    assert audit_levels({"rules": rules}, request_) == levels


@pytest.mark.parametrize(
    ("option", "data", "question", "said"),
    [
        ("authentication-config", {}, "anonymous", None),
        ("authentication-config", {"anonymous": {"enabled": False}}, "anonymous", []),
        ("authentication-config", {"anonymous": {"enabled": True}}, "anonymous", ["*"]),
        (
            "authentication-config",
            {"anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]}},
            "anonymous",
            ["/livez"],
        ),
        (
            "authorization-config",
            {"authorizers": [{"type": "Node"}, {"type": "RBAC"}]},
            "authorizers[].type",
            ["Node", "RBAC"],
        ),
        ("config", {"enableProfiling": False}, "enableProfiling", False),
        ("config", {}, "enableProfiling", None),
        ("admission-control-config-file", {"plugins": []}, "PodSecurity.defaults.enforce", None),
        (
            "admission-control-config-file",
            {"plugins": [{"name": "PodSecurity", "configuration": {"defaults": {}}}]},
            "PodSecurity.defaults.enforce",
            None,
        ),
    ],
)
def test_a_file_answers(option: str, data: dict[str, Any], question: str, said: Any) -> None:
    assert answer(option, text(option, data), "/file", question) == said


@pytest.mark.parametrize(
    ("resources", "providers", "said"),
    [
        (["secrets"], [{"secretbox": {}}, {"identity": {}}], "secretbox"),
        (["secrets"], [{"identity": {}}, {"secretbox": {}}], "identity"),
        (["*."], [{"aescbc": {}}], "aescbc"),
        (["*.*"], [{"aesgcm": {}}], "aesgcm"),
        (["*.apps"], [{"aescbc": {}}], "identity"),
        (["secrets"], [{"kms": {"apiVersion": "v2"}}], "kms"),
        (["secrets"], [{"kms": {"apiVersion": "v1"}}], "kms v1"),
        (["secrets"], [{"kms": {}}], "kms v1"),
    ],
)
def test_the_first_provider_of_the_first_entry_encrypts(
    resources: list[str], providers: list[dict[str, Any]], said: str
) -> None:
    entries = [{"resources": resources, "providers": providers}]
    later = {"resources": ["configmaps"], "providers": [{"secretbox": {}}]}
    data = {"resources": [*entries, later]}
    option = "encryption-provider-config"
    assert answer(option, text(option, data), "/file", "secrets") == said


POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("kind: [", "/file: "),
        ("kind: Pod", "no Policy"),
        ("- kind: Policy", "no Policy"),
        (f"{POLICY}: {{}}", "no good Policy: .*rules"),
        (f"{POLICY}: [{{level: Most}}]", "Invalid enum value 'Most'"),
        (f"{POLICY}: [Metadata]", "no good Policy"),
        (f"{POLICY}: []", "length >= 1"),
        (f"{POLICY}: [{{level: Metadata, verb: [get]}}]", "unknown field `verb`"),
        (f"{POLICY}: [{{level: Metadata}}]\nomitStages: [Begun]", "Invalid enum value 'Begun'"),
        (POLICY.replace("/v1", "/v1beta1") + ": [{level: Metadata}]", "apiVersion"),
        ("kind: Policy\nrules: []\nrules: []", "/file: "),
    ],
)
def test_what_is_not_of_its_format_says_why(said: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        answer("audit-policy-file", said, "/file", "get secrets")


def test_a_file_beside_that_was_not_collected_is_no_answer() -> None:
    data = {"plugins": [{"name": "PodSecurity", "path": "psa.yaml"}]}
    option = "admission-control-config-file"
    assert read(option, text(option, data), "/file")
    with pytest.raises(DocumentError, match=r"psa\.yaml, which was not collected"):
        answer(option, text(option, data), "/file", "PodSecurity.defaults.enforce")


def text(option: str, data: dict[str, Any]) -> str:
    kinds = {
        "admission-control-config-file": "AdmissionConfiguration",
        "authentication-config": "AuthenticationConfiguration",
        "authorization-config": "AuthorizationConfiguration",
        "config": "KubeSchedulerConfiguration",
        "encryption-provider-config": "EncryptionConfiguration",
    }
    return msgspec.json.encode({"kind": kinds[option]} | data).decode()
