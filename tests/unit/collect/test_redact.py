# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from ansible_collections.cksharden.node.plugins.module_utils.node.redact import (
    MARK,
    redact,
    redact_arguments,
    redact_data,
    redact_keys,
)

SECRET = "s3cr3tValue"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        PEM.partition("\n-----END")[0],
        f"key: |\n  -----BEGIN EC PRIVATE KEY-----\n  {SECRET}",
        f"client-key-data: {SECRET}",
        f"    client-certificate-data: '{SECRET}'",
        f"clientKeyData: {SECRET}",
        f"token: {SECRET}",
        f"- token: {SECRET}",
        f'{{"user": {{"token": "{SECRET}", "a": 1}}}}',
        f'{{"token":"{SECRET}"}}',
        f"token: |\n  {SECRET}\nother: 1",
        f"token:\n  {SECRET}\nother: 1",
        f"password: {SECRET} with words",
        f'password: "{SECRET} \\" more {SECRET}"',
        f"apiKey: {SECRET}",
        f"secretAccessKey: {SECRET}",
        f"aws_secret_access_key = x\nAWS_SECRET_ACCESS_KEY={SECRET}",
        f'Environment="AWS_SECRET_ACCESS_KEY={SECRET} {SECRET}"',
        f"Environment='REGISTRY_PASSWORD={SECRET}' OTHER=1",
        f"AWS_ACCESS_KEY_ID={SECRET}",
        f"Environment=HTTPS_PROXY=http://user:{SECRET}@proxy:3128/",
        f"staticPodURL: https://user:{SECRET}@example.org/pods",
        f"staticPodURLHeader:\n  X-Auth:\n  - {SECRET}\nother: 1",
        f"staticPodURLHeader:\n  X-Auth:\n\n  - {SECRET}\nother: 1",
        f"staticPodURLHeader: {{X-Auth: [{SECRET}]}}",
        f'{{"staticPodURLHeader": {{\n "X": [\n "{SECRET}"\n]}}, "a": 1}}',
        f"staticPodURLHeader: &anchor\n  X: [{SECRET}]",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: basic {SECRET}",
        f'KUBELET_EXTRA_ARGS="--manifest-url-header=X-Auth:{SECRET} --v=2"',
        f"KUBELET_EXTRA_ARGS=--bootstrap-token {SECRET}",
        f"KUBELET_EXTRA_ARGS=--token='{SECRET} x'",
        "x: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVz." + SECRET,
        f"DB_PASS={SECRET}",
        f"GITHUB_PAT={SECRET}",
        f"AUTH_PWD='{SECRET} x'",
        f"REGISTRY_AUTH={SECRET}",
        f'Environment="DB_PASS={SECRET} {SECRET}"',
        f"KUBELET_EXTRA_ARGS=--cloud-credentials={SECRET}",
        f"KUBELET_EXTRA_ARGS=--cloud-credential {SECRET}",
        f'{{"auths": {{"example.org": {{"auth": "{SECRET}"}}}}}}',
        f"dbPass: {SECRET}",
        f"cloudCredentials:\n  id: {SECRET}",
        f"X-Auth: {SECRET}",
        f"DB_PASS=x\\\n{SECRET}",
        f'DB_PASS="x\\\n{SECRET}"',
        f'Environment="DB_PASS=x \\\n  {SECRET}"',
        f"KUBELET_EXTRA_ARGS=--token=x\\\n{SECRET}",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{SECRET}\n-----END PGP PRIVATE KEY BLOCK-----",
        f"x: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt\n  {SECRET}\n  {SECRET}==\nother: 1",
        f'"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt\\n{SECRET}"',
        f"KEY=LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt\\\n{SECRET}\nOTHER=1",
        f"client-key-data: MIIEpAIBAAKCAQEA\n  {SECRET}\n  {SECRET}==\nother: 1",
        f'- client-key-data: "MIIEpAIBAAKCAQEA\n\n    {SECRET}"\n  other: 1',
        "kubeadm join --discovery abcdef.0123456789" + "abcdef # " + "x",
    ],
)
def test_secrets_go(text: str) -> None:
    clean, redacted = redact(text)
    assert SECRET not in clean
    assert "abcdef.0123456789abcdef" not in clean
    assert MARK in clean
    assert redacted


# What the tool has to read: none of it is a secret, and none of it may change.
@pytest.mark.parametrize(
    "text",
    [
        'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --pod-infra-container-image=registry.k8s.io/pause:3.10"\n',
        "authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    cacheTTL: 2m0s\n    enabled: true\n",
        "authorization:\n  mode: Webhook\n",
        "configMapAndSecretChangeDetectionStrategy: Watch\n",
        "automountServiceAccountToken: false\n",
        "--authentication-token-webhook=true --authentication-token-webhook-cache-ttl=2m",
        "--tls-private-key-file=/etc/kubernetes/pki/kubelet.key --kubeconfig=/etc/kubernetes/kubelet.conf",
        "--authorization-mode=Webhook --anonymous-auth=false --anonymous-auth=0 --client-ca-file=/etc/kubernetes/pki/ca.crt",
        "KUBELET_EXTRA_ARGS=--image-credential-provider-bin-dir=/opt/bin\nAUTHOR=x\nMYPATH=/bin\nBYPASS=1\n",
        "imagePullCredentialsVerificationPolicy: NeverVerify\npath: /x\nanonymous-auth: false\n",
        "--requestheader-username-headers=X-Remote-User",
        "tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\nclusterDNS:\n- 10.96.0.10\n",
        "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nExecStart=\nExecStart=/usr/bin/kubelet $A $B\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        '{\n  "apiVersion": "kubelet.config.k8s.io/v1beta1",\n  "tlsMinVersion": "VersionTLS13"\n}\n',
        "staticPodURL: https://example.org:8443/pods@1\n",
        "",
    ],
)
def test_settings_stay(text: str) -> None:
    assert redact(text) == (text, False)


def test_what_follows_a_secret_stays() -> None:
    clean, _ = redact(f"token: {SECRET}\nother: 1\nstaticPodURLHeader:\n  X: [{SECRET}]\nlast: true\n")
    assert clean == f'token: "{MARK}"\nother: 1\nstaticPodURLHeader: "{MARK}"\nlast: true\n'


def test_what_follows_a_folded_key_stays() -> None:
    folded = "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt"
    assert redact(f"KEY={folded}\\\n{folded}\nOTHER=1\n") == (f"KEY={MARK}\nOTHER=1\n", True)
    assert redact(f"Environment=A={folded}\nExecStart=\nExecStart=/usr/bin/kubelet\n") == (
        f"Environment=A={MARK}\nExecStart=\nExecStart=/usr/bin/kubelet\n",
        True,
    )
    assert redact("token: a\n  b\n\nother: 1\n") == (f'token: "{MARK}"\n\nother: 1\n', True)


def test_arguments() -> None:
    words = ["/usr/bin/kubelet", "--token", SECRET, f"--manifest-url-header=A:{SECRET}", "--v", "2"]
    assert redact_arguments(words) == [
        "/usr/bin/kubelet",
        "--token",
        MARK,
        f"--manifest-url-header={MARK}",
        "--v",
        "2",
    ]
    harmless = ["kubelet", "--authentication-token-webhook", "--rotate-certificates=true", "--node-ip=::1"]
    assert redact_arguments(harmless) == harmless
    assert redact_arguments(["kubelet", f"--proxy=http://u:{SECRET}@host/"]) == [
        "kubelet",
        f"--proxy=http://{MARK}@host/",
    ]


# A hostile file may not hold the collector up: each of these is the worst case of one pattern.
@pytest.mark.parametrize(
    "text",
    [
        "a" * 262144,
        "-" * 262144,
        "eyJ-" * 65536,
        "-----BEGIN " * 24000,
        "--a" * 87000,
        "token: {" * 32000,
        "://" * 87000,
        "bearer " * 37000,
        '"a=' * 87000,
        "a:\n" * 87000,
        "\\" * 262144,
        '"' * 262144,
        "LS0tLS1CRUdJA\n" * 18000,
        "LS0tLS1CRUdJA" + " " * 262144,
        "LS0tLS1CRUdJA\n" + "a" * 262144 + ":",
        "A_PASS=\\\n" * 26000,
        "Auth" * 65536,
        "a: b\n" * 52000,
        "-----BEGIN PRIVATE KEY-----END " * 8000,
    ],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    started = time.monotonic()
    redact(text)
    assert time.monotonic() - started < 5


def test_data_keeps_its_form_and_loses_its_secrets() -> None:
    data = {
        "tokenTTL": "1h",
        "staticPodURLHeader": {"Authorization": ["abc"]},
        "list": [1, True, None, "Bearer abcdefgh"],
        "password": "abc",
        "authentication": {"webhook": {"enabled": True}},
        "rotateTokens": False,
    }
    assert redact_data(data) == {
        "tokenTTL": "1h",
        "staticPodURLHeader": "[redacted]",
        "list": [1, True, None, "Bearer [redacted]"],
        "password": "[redacted]",
        "authentication": {"webhook": {"enabled": True}},
        "rotateTokens": False,
    }
    deep: dict[str, Any] = {}
    for _level in range(30):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="too many levels"):
        redact_data(deep)


PAIRS = (
    "env:\n- name: ZONE\n  value: eu-1\n- name: TOKEN\n  value: hunter2\n- name: ZONE\n  value: eu-1\n",
    "env:\n- name: AWS_SECRET_ACCESS_KEY\n  value: hunter2\n- name: ZONE\n  value: eu-1\n",
    "env:\n  - value: hunter2\n    name: 'API_TOKEN'\n  - name: ZONE\n    value: eu-1\n",
    "env:\n- name: PASSWORD\n  value: |\n    hunter2\n     hunter2\n- name: ZONE\n  value: eu-1\n",
    "env:\n- value: >-\n    hunter2\n  name: PASSWORD\n- name: ZONE\n  value: eu-1\n",
    "env: [{name: DB_PASSWORD, value: hunter2}, {value: eu-1, name: ZONE}]\n",
    'env: [{"value": "hunter2", "name": "DB_PASSWORD"}, {"name": "ZONE", "value": "eu-1"}]\n',
    '{"env": [\n  {\n    "name": "DB_PASSWORD",\n    "value": "hunter2"\n  },\n  {"name": "ZONE", "value": "eu-1"}]}\n',
)


@pytest.mark.parametrize("text", PAIRS)
def test_a_list_of_names_and_values(text: str) -> None:
    clean, redacted = redact(text)
    assert redacted
    assert "hunter2" not in clean
    assert "eu-1" in clean
    zones = [one for one in yaml.safe_load(text)["env"] if one["name"] == "ZONE"]
    assert [one for one in yaml.safe_load(clean)["env"] if one["name"] == "ZONE"] == zones


def test_many_names_and_values_take_linear_time() -> None:
    begun = time.monotonic()
    for text in ("- name: token\n" * 20000, "".join(f"{' ' * (n % 500)}name: token\n" for n in range(2000))):
        redact(text)
    assert time.monotonic() - begun < 5


def test_options_of_kubeadm_are_no_secrets() -> None:
    text = (
        'apiServer:\n  extraArgs:\n  - name: anonymous-auth\n    value: "false"\n'
        "  - name: token-auth-file\n    value: /etc/tokens\n  - name: oidc-client-id\n    value: app\n"
    )
    assert redact(text) == (text, False)


KEYS = (
    "c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/IFllcyE=",
    "AAECAwQFBgcICQoLDA0ODw==",
    "k" * 31 + "Z",
    "A" * 43 + "=",
)
ENCRYPTION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "EncryptionConfiguration",
    "resources": [
        {
            "resources": ["secrets", "configmaps", "customresourcedefinitions.apiextensions.k8s.io"],
            "providers": [
                {
                    "aescbc": {
                        "keys": [{"name": "key1", "secret": KEYS[0]}, {"name": "key2", "secret": KEYS[1]}]
                    }
                },
                {"secretbox": {"keys": [{"secret": KEYS[2], "name": "box"}]}},
                {
                    "kms": {
                        "apiVersion": "v2",
                        "name": "vault",
                        "endpoint": "unix:///var/run/kmsplugin/socket.sock",
                    }
                },
                {"identity": {}},
            ],
        }
    ],
}


def without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_secrets(each) for key, each in value.items() if key != "secret"}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("style", [None, "'", '"', "|", ">"])
@pytest.mark.parametrize("flow", [False, True, None])
@pytest.mark.parametrize("indent", [2, 4])
def test_an_encryption_configuration_keeps_all_but_its_keys(
    style: str | None, flow: bool | None, indent: int
) -> None:
    text = yaml.safe_dump(ENCRYPTION, default_style=style, default_flow_style=flow, indent=indent)
    clean, redacted = redact_keys(text)
    assert redacted
    assert not [key for key in KEYS if key in clean or key[:20] in clean]
    assert without_secrets(yaml.safe_load(clean)) == without_secrets(ENCRYPTION)


@pytest.mark.parametrize(
    "text",
    [
        f"? secret\n: {KEYS[0]}\n",
        f"secret: &k {KEYS[0]}\nother: *k\n",
        f"x: &k {KEYS[0]}\nkeys:\n- secret: *k\n",
        f"secret:\n  {KEYS[0]}\n",
        f"secret: {KEYS[0][:20]}\n  {KEYS[0][20:]}\n",
        f'secret: "{KEYS[0][:20]}\\\n  {KEYS[0][20:]}"\n',
        f"seçret: {KEYS[1]}\n",
        f"# old: {KEYS[3]}\n",
        json.dumps(ENCRYPTION),
        json.dumps(ENCRYPTION, indent=1),
    ],
)
def test_a_key_in_whatever_form_does_not_pass(text: str) -> None:
    clean, redacted = redact_keys(text)
    assert redacted
    assert not [key for key in KEYS if key in clean or key[:20] in clean or key[20:] in clean]


def test_what_holds_no_key_is_whole() -> None:
    text = yaml.safe_dump(without_secrets(ENCRYPTION))
    assert redact_keys(text) == (text, False)
