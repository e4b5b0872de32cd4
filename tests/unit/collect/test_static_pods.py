# SPDX-License-Identifier: Apache-2.0
"""The section `static_pods`: the directory as the kubelet sees it, files, and what the API server has loaded."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import collect_static_pods
from ansible_collections.cksharden.node.plugins.module_utils.node.collect_static_pods import directory_of
from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from cksharden.static_pod_facts import StaticPods
from tests.unit.collect.conftest import FIXTURES, FakeNode
from tests.unit.node.api_server import ApiServer, Call, api_server

REQUEST = check_request({"schema": "1.1"})
KUBEADM = {"path": "/usr/bin/kubeadm", "version": "v1.37.2"}
KEY = bytes(range(100, 132))
METRIC = 'apiserver_{}_config_controller_last_config_info{{apiserver_id_hash="sha256:{}",hash="{}"}} 1\n'


@pytest.fixture
def manifests(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifests of kubeadm, whose processes do not run here."""
    directory = node.root / "manifests"
    directory.mkdir()
    for path in (FIXTURES / "v1.37.2").glob("*.yaml"):
        (directory / path.name).write_text(path.read_text())
    monkeypatch.setattr(collect_static_pods, "DIRECTORY", str(directory))
    runs(monkeypatch)
    return directory


def runs(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Have one API server run with options, or none."""
    process = {
        "pid": 7,
        "argv": ["kube-apiserver", *options],
        "started": 1.0,
        "pod_uid": "u",
        "container_id": "c",
    }
    found = {name: [process] if name == "kube-apiserver" and options else [] for name in COMPONENTS}
    monkeypatch.setattr(collect_static_pods, "in_pods", lambda _names: found)


def collect(**kubelet: Any) -> dict[str, Any]:
    data = collect_static_pods.collect(REQUEST, kubelet, KUBEADM)
    msgspec.convert(json.loads(json.dumps(data)), StaticPods)  # the form that the controller expects
    return data


def test_the_directory_in_the_kubelets_order(manifests: Path) -> None:
    (manifests / "kube-apiserver.yaml.bak").write_text("kind: Pod\n")
    (manifests / ".kubelet-keep").write_text("hidden: text\n")
    (manifests / "Zeta").mkdir()
    (manifests / "etcd-link.yaml").symlink_to("etcd.yaml")
    (manifests / "out.yaml").symlink_to(__file__)
    (manifests / "gone.yaml").symlink_to("nowhere")
    os.mkfifo(manifests / "pipe")
    (manifests / os.fsdecode(b"caf\xe9.yaml")).write_bytes(b"\xff\xfe")
    entries = collect()["entries"]
    names = [entry["name"] for entry in entries]
    assert names == [
        ".kubelet-keep",
        "Zeta",
        "caf\\xe9.yaml",
        "etcd-link.yaml",
        "etcd.yaml",
        "gone.yaml",
        "kube-apiserver.yaml",
        "kube-apiserver.yaml.bak",
        "kube-controller-manager.yaml",
        "kube-scheduler.yaml",
        "out.yaml",
        "pipe",
    ]
    by_name = {entry["name"]: entry for entry in entries}
    assert (by_name[".kubelet-keep"]["hidden"], by_name[".kubelet-keep"].get("text")) == (True, None)
    kinds = {name: entry["type"] for name, entry in by_name.items() if entry["type"] != "file"}
    assert kinds == {
        "Zeta": "directory",
        "pipe": "other",
        **dict.fromkeys(("etcd-link.yaml", "gone.yaml", "out.yaml"), "link"),
    }
    assert by_name["etcd-link.yaml"]["text"] == by_name["etcd.yaml"]["text"]
    assert "link out of its directory" in by_name["out.yaml"]["error"]
    assert by_name["gone.yaml"]["exists"] is False
    assert by_name["caf\\xe9.yaml"]["lossy"]
    etcd = by_name["etcd.yaml"]
    text = (manifests / "etcd.yaml").read_bytes()
    assert etcd["text"] == text.decode()
    assert etcd["digest"] == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert (etcd["mode"], etcd["uid"], etcd["size"], etcd["redacted"]) == ("0644", 0, len(text), False)


def test_what_the_manifests_name_is_looked_at(manifests: Path) -> None:
    found = collect()["files"]
    assert {"/etc/kubernetes/pki/sa.key", "/etc/kubernetes/pki/etcd/ca.crt", "/var/lib/etcd"} <= found.keys()
    assert "/etc/kubernetes/controller-manager.conf" in found
    assert manifests.exists()


def test_there_may_be_no_directory(manifests: Path) -> None:
    found = collect(process={"argv": ["kubelet", "--pod-manifest-path=/no/such"]})
    assert (found["directory"], found["entries"], found["files"]) == ("/no/such", [], {})
    assert manifests.exists()


def test_too_many_manifests(manifests: Path) -> None:
    for number in range(4):
        (manifests / str(number)).touch()
    with pytest.raises(ValueError, match="holds more than 5 names"):
        collect_static_pods.collect(REQUEST | {"limits": REQUEST["limits"] | {"matches": 5}}, {}, None)


CONFIG = "/var/lib/kubelet/config.yaml"


@pytest.mark.parametrize(
    ("kubelet", "directory"),
    [
        ({}, "/etc/kubernetes/manifests"),
        ({"files": {CONFIG: {"text": "staticPodPath: /srv/pods/\n"}}}, "/srv/pods"),
        ({"files": {CONFIG: {"text": '{"staticPodPath": "/srv/pods"}'}}}, "/srv/pods"),
        ({"files": {CONFIG: {"text": 'staticPodPath: ""\n'}}}, "/etc/kubernetes/manifests"),
        (
            {
                "process": {"argv": ["kubelet", "--config=/c.yaml"]},
                "files": {
                    "/c.yaml": {"text": "staticPodPath: /a\n"},
                    CONFIG: {"text": "staticPodPath: /unused\n"},
                    "/d/1.conf": {"text": "staticPodPath: /b\n"},
                    "/patches/kubeletconfiguration.yaml": {"text": "staticPodPath: /patch\n"},
                },
                "config_dir_files": ["/d/1.conf"],
            },
            "/b",
        ),
        (
            {
                "process": {"argv": ["kubelet", "--pod-manifest-path", "/flag", "--config", CONFIG]},
                "files": {CONFIG: {"text": "staticPodPath: /a\n"}},
            },
            "/flag",
        ),
        ({"files": {"/flags.env": {"text": 'ARGS="--v=2 --pod-manifest-path=/flag"\n'}}}, "/flag"),
    ],
)
def test_where_the_kubelet_reads(kubelet: dict[str, Any], directory: str) -> None:
    assert directory_of(kubelet) == directory


@pytest.fixture
def server(tmp_path: Path, manifests: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    assert manifests.exists()
    directory = tmp_path / "server"
    directory.mkdir()
    with api_server(directory) as running:
        monkeypatch.setattr(collect_static_pods, "ADMIN", running.kubeconfig())
        monkeypatch.setattr(collect_static_pods, "MANIFEST", running.manifest())
        yield running


def encryption(directory: Path) -> tuple[Path, str]:
    """Write an EncryptionConfiguration; return its path and digest."""
    path = directory / "encryption.yaml"
    secret = base64.b64encode(KEY).decode()
    path.write_text(
        "kind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n"
        f"  - aescbc:\n      keys:\n      - name: key1\n        secret: {secret}\n  - identity: {{}}\n"
    )
    return path, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_what_the_api_server_has_loaded(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = encryption(tmp_path)
    other = tmp_path / "authn.yaml"
    other.write_text("kind: AuthenticationConfiguration\n")
    runs(monkeypatch, f"--encryption-provider-config={path}", "--authentication-config", str(other))
    old = "sha256:" + "a" * 64
    lines = "".join(
        (
            "# HELP ...\n",
            "x" * 70000 + "\n",
            METRIC.format("encryption", "1" * 64, digest),
            METRIC.format("authentication", "1" * 64, old),
            "apiserver_request_total 3\n",
        )
    )
    server.answer = lambda _call: (200, lines.encode())
    assert collect()["loaded"] == {
        "encryption": {"hash": digest, "path": str(path), "current": True},
        "authentication": {"hash": old, "path": str(other), "current": False},
    }
    assert [call.path for call in server.calls] == ["/metrics"]


def test_the_metrics_are_asked_for_only_where_something_is_reloaded(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, "--profiling=false")
    assert collect()["loaded"] == {}
    assert server.calls == []


def test_an_api_server_that_does_not_answer_has_loaded_nothing_known(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, f"--encryption-provider-config={tmp_path}/no.yaml")
    assert collect()["loaded"] == {}
    monkeypatch.setattr(collect_static_pods, "_API_SECONDS", 0.3)

    def late(_call: Call) -> tuple[int, Any]:
        time.sleep(1)
        return 200, {}

    server.answer = late
    begun = time.monotonic()
    assert collect()["loaded"] == {}
    assert time.monotonic() - begun < 0.9


def test_no_key_leaves_the_node(manifests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither raw, nor in base64, nor in hex: of a key, of tokens, of private keys, of the environment."""
    path, digest = encryption(tmp_path)
    tokens, key = tmp_path / "tokens.csv", tmp_path / "sa.key"
    tokens.write_text("t0ken-of-somebody,somebody,1\n")
    body = base64.b64encode(KEY * 3).decode()
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    (tmp_path / "bundle.pem").write_text(
        f"-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n{key.read_text()}"
    )
    manifest = manifests / "kube-apiserver.yaml"
    options = "".join(
        f"    - --{option}={tmp_path}/{name}\n"
        for option, name in (
            ("encryption-provider-config", "encryption.yaml"),
            ("token-auth-file", "tokens.csv"),
            ("service-account-signing-key-file", "sa.key"),
            ("tls-cert-file", "bundle.pem"),
            ("audit-policy-file", "encryption.yaml"),
            ("authentication-config", "sa.key"),
        )
    )
    image = "    image: registry.k8s.io/kube-apiserver"
    environment = "    env:\n    - name: KMS_TOKEN\n      value: t0ken-of-somebody\n"
    manifest.write_text(manifest.read_text().replace(image, f"{options}{environment}{image}"))
    for backup in (".hidden.swp", "kube-apiserver.yaml.bak"):
        (manifests / backup).write_text(f"# a copy\n{path.read_text()}")
    runs(monkeypatch, f"--encryption-provider-config={path}")
    facts = json.dumps(collect())
    assert {str(each) for each in (path, tokens, key)} <= collect()["files"].keys()
    for secret in (KEY, KEY[:16], KEY[16:], b"t0ken-of-somebody", KEY * 3):
        raw = secret.decode("latin-1")
        for form in (raw, base64.b64encode(secret).decode()[:20], secret.hex(), secret.hex().upper()):
            assert form not in facts
    assert digest not in facts
    assert "identity: {}" in collect()["files"][str(path)]["text"]


@pytest.mark.parametrize(
    ("option", "stored"),
    [
        ("--encryption-provider-config=/e.yaml", {"k8s:enc:secretbox:v1:one": 2, "identity": 1}),
        ("--profiling=false", None),
    ],
)
def test_how_etcd_holds_secrets_is_told_where_they_are_to_be_encrypted(
    manifests: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    option: str,
    stored: dict[str, int] | None,
) -> None:
    values = [b"k8s:enc:secretbox:v1:one:\x00x", b"k8s:enc:secretbox:v1:one:y", b"k8s\x00 plain"]
    with api_server(tmp_path) as server:
        kvs = [{"key": "YQ==", "value": base64.b64encode(value).decode()} for value in values]
        server.objects = {"/v3/kv/range": {"header": {"revision": "1"}, "kvs": kvs}}
        for end in ("crt", "key"):  # kubeadm's client, beside the CA
            (server.directory / f"healthcheck-client.{end}").symlink_to(server.both)
        words = [f"--listen-client-urls={server.url}", f"--trusted-ca-file={server.directory / 'ca.pem'}"]
        found: dict[str, list[Any]] = {name: [] for name in COMPONENTS}
        found["etcd"] = [{"argv": ["etcd", *words]}]
        found["kube-apiserver"] = [{"argv": ["kube-apiserver", option]}]
        monkeypatch.setattr(collect_static_pods, "in_pods", lambda _names: found)
        told = collect_static_pods.collect(REQUEST, {}, KUBEADM)
        assert (told["stored"], told["stored_error"]) == ({"secrets": stored} if stored else {}, "")
        server.objects = {}
        silent = collect_static_pods.collect(REQUEST, {}, KUBEADM)
        assert (silent["stored"], "/v3/kv/range" in silent["stored_error"]) == ({}, stored is not None)


@pytest.mark.parametrize(("leader", "leads"), [("7", True), ("8", False), ("", None)])
def test_whether_its_member_leads_etcd(
    manifests: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, leader: str, leads: bool | None
) -> None:
    with api_server(tmp_path) as server:
        if leader:
            status = {"header": {"member_id": "7"}, "leader": leader}
            server.objects = {"/v3/maintenance/status": status}
        for end in ("crt", "key"):  # kubeadm's client, beside the CA
            (server.directory / f"healthcheck-client.{end}").symlink_to(server.both)
        words = [f"--listen-client-urls={server.url}", f"--trusted-ca-file={server.directory / 'ca.pem'}"]
        found: dict[str, list[Any]] = {name: [] for name in COMPONENTS}
        monkeypatch.setattr(
            collect_static_pods, "in_pods", lambda _names: found | {"etcd": [{"argv": ["etcd", *words]}]}
        )
        assert collect_static_pods.collect(REQUEST, {}, KUBEADM)["leads_etcd"] is leads
