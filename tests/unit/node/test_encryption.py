# SPDX-License-Identifier: Apache-2.0
"""What a node tells of encryption, how it has Secrets rewritten, and how it looks at what etcd holds."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import encryption, secrets_rewrite
from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_config import readers, readers_of
from ansible_collections.cksharden.node.plugins.module_utils.node.etcd_api import Credentials, Etcd, EtcdError
from ansible_collections.cksharden.node.plugins.module_utils.node.flags import EditError
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import digest_of
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import Api, ApiError
from ansible_collections.cksharden.node.plugins.module_utils.node.loaded import loaded
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import readers as controllers_readers
from tests.unit.node.api_server import ApiServer, Call, api_server
from tests.unit.node.fake_encryption import FILE, KEY, ROUND_1, ROUND_2, EncryptionPlane
from tests.unit.node.fake_system import FakeSystem

METRICS = b"""\
# HELP apiserver_encryption_config_controller_last_config_info [ALPHA] Information
apiserver_encryption_config_controller_automatic_reloads_total{apiserver_id_hash="sha256:aa",status="failure"} 4
apiserver_encryption_config_controller_automatic_reloads_total{apiserver_id_hash="sha256:aa",status="success"} 2
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:aa",hash="sha256:%s"} 1
apiserver_authorization_config_controller_last_config_info{apiserver_id_hash="sha256:aa",hash="sha256:%s"} 1
""" % (b"0" * 64, b"1" * 64)


@pytest.fixture
def plane(tmp_path: Path) -> EncryptionPlane:
    return EncryptionPlane(tmp_path)


def ask(plane: EncryptionPlane, do: str, **more: Any) -> dict[str, Any]:
    return encryption.answer({"do": do, **more}, plane.system)


def test_the_file_that_the_manifest_names_is_read(plane: EncryptionPlane) -> None:
    path = plane.path(FILE)
    wanted: dict[str, Any] = {
        "encryption": "read",
        "path": path,
        "text": ROUND_1,
        "digest": digest_of(ROUND_1.encode()),
    }
    wanted |= {"mode": "0600", "uid": 0, "gid": 0, "named": path, "reloads": True, "reason": ""}
    assert ask(plane, "read", path=None) == wanted
    assert ask(plane, "read", path=path) == wanted


def test_a_file_that_is_not_there_is_absent(plane: EncryptionPlane) -> None:
    other = plane.path("etc/kubernetes/other.yaml")
    told = ask(plane, "read", path=other)
    assert (told["encryption"], told["path"], told["named"]) == ("absent", other, plane.path(FILE))
    manifest = Path(plane.manifest("kube-apiserver"))
    lines = manifest.read_text().splitlines(True)
    manifest.write_text("".join(line for line in lines if "encryption" not in line))
    told = ask(plane, "read", path=None)
    assert (told["encryption"], told["path"], told["named"], told["reloads"]) == ("absent", None, None, False)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (1024 * 1024 + 1), None])
def test_a_file_that_is_none_is_not_read(plane: EncryptionPlane, content: bytes | None) -> None:
    path = plane.root / FILE
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert ask(plane, "read", path=None)["encryption"] == "unknown"


def test_a_node_without_an_api_server_is_unknown(plane: EncryptionPlane) -> None:
    Path(plane.manifest("kube-apiserver")).unlink()
    for do in ("read", "loaded", "rewrite", "prove"):
        told = ask(plane, do)
        assert told["encryption"] == "unknown"
        assert told["reason"]


def test_what_is_loaded_is_told_by_its_digest(plane: EncryptionPlane) -> None:
    assert ask(plane, "loaded") == {"encryption": "loaded", "hash": digest_of(ROUND_1.encode())}
    plane.system.set(loaded="")
    assert ask(plane, "loaded") == {"encryption": "loaded", "hash": None}
    plane.system.set(api=False)
    assert ask(plane, "loaded")["encryption"] == "unknown"


def test_what_etcd_holds_is_counted(plane: EncryptionPlane) -> None:
    plane.system.set(stored={KEY: 2, "identity": 1, "k8s:enc:kms:v2:vault": 1})
    counted = {KEY: 2, "identity": 1, "k8s:enc:kms:v2:vault": 1}
    assert ask(plane, "prove") == {"encryption": "proved", "providers": counted}
    assert "pods is not known" in ask(plane, "prove", resources=["pods"])["reason"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    with Api(server.kubeconfig()) as connection:
        yield connection


def test_metrics_tell_what_is_loaded_and_refused(api: Api, server: ApiServer) -> None:
    server.objects["/metrics"] = METRICS
    assert loaded(api) == {
        "encryption": ("sha256:" + "0" * 64, 4),
        "authorization": ("sha256:" + "1" * 64, 0),
    }


# ---------------------------------------------------------------------- rewriting


class Secrets:
    """Two pages of Secrets; a PATCH writes each that is stale once, after `trouble` for its name."""

    def __init__(self, *names: str, stale: tuple[str, ...] = ()) -> None:
        self.names, self.stale = names, stale
        self.trouble: dict[str, list[int]] = {}
        self.patched: list[Call] = []

    def __call__(self, call: Call) -> tuple[int, Any]:
        name = call.path.rpartition("/")[2]
        if call.method == "GET":
            second = "continue=" in call.path
            half = self.names[2:] if second else self.names[:2]
            items = [
                {"metadata": {"namespace": "a", "name": one, "resourceVersion": "1"}, "data": {"x": "no"}}
                for one in half
            ]
            return 200, {"items": items, "metadata": {} if second else {"continue": "more/+"}}
        self.patched.append(call)
        codes = self.trouble.get(name) or [200]
        code = codes.pop(0)
        version = "2" if name in self.stale else "1"
        return code, {"metadata": {"resourceVersion": version}, "message": f"told of {name}"}


@pytest.fixture
def clock(tmp_path: Path) -> FakeSystem:
    (tmp_path / "node/etc/default").mkdir(parents=True)
    (tmp_path / "node/etc/default/kubelet").write_text("KUBELET_EXTRA_ARGS=\n")
    return FakeSystem(tmp_path / "node")


def test_every_secret_is_written_by_an_empty_patch(clock: FakeSystem, api: Api, server: ApiServer) -> None:
    secrets = server.answer = Secrets("s1", "s2", "s3", stale=("s1", "s3"))
    assert secrets_rewrite.rewrite(clock, api) == {"count": 3, "written": 2}
    assert [call.path for call in secrets.patched] == [
        f"/api/v1/namespaces/a/secrets/s{number}" for number in (1, 2, 3)
    ]
    assert {(call.content_type, str(call.body)) for call in secrets.patched} == {
        ("application/merge-patch+json", "{}")
    }
    assert server.calls[1].path.endswith("continue=more%2F%2B")


def test_conflicts_and_what_passes_are_tried_again(clock: FakeSystem, api: Api, server: ApiServer) -> None:
    secrets = server.answer = Secrets("s1", "s2", stale=("s1",))
    secrets.trouble = {"s1": [409, 503, 200], "s2": [404]}
    before = clock.monotonic()
    assert secrets_rewrite.rewrite(clock, api) == {"count": 1, "written": 1}
    assert clock.monotonic() - before == 1 + 2


@pytest.mark.parametrize("codes", [[403], [409] * 5])
def test_one_that_can_not_be_written_ends_it(
    clock: FakeSystem, api: Api, server: ApiServer, codes: list[int]
) -> None:
    secrets = server.answer = Secrets("s1", "s2")
    secrets.trouble = {"s1": codes}
    with pytest.raises(ApiError, match=r"writing a/s1 of secrets is answered with 4\d\d: told of s1"):
        secrets_rewrite.rewrite(clock, api)
    assert not codes


# ---------------------------------------------------------------------- etcd


def test_values_come_in_pages_of_one_moment(server: ApiServer) -> None:
    def coded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def reply(call: Call) -> tuple[int, Any]:
        key = base64.b64decode(call.body["key"])
        assert base64.b64decode(call.body["range_end"]) == b"/registry/secrets0"
        assert call.body.get("revision", "7") == "7"
        if key == b"/registry/secrets/":
            kvs = [{"key": coded("/registry/secrets/a/b"), "value": coded("one")}]
            return 200, {"header": {"revision": "7"}, "kvs": kvs, "more": True}
        assert key == b"/registry/secrets/a/b\0"
        return 200, {"header": {"revision": "9"}, "kvs": [{"key": coded("c"), "value": coded("two")}]}

    server.answer = reply
    etcd = Etcd(server.url, Credentials(str(server.directory / "ca.pem"), str(server.both), str(server.both)))
    assert list(etcd.values("/registry/secrets/")) == [b"one", b"two"]
    server.answer = lambda _call: (200, {"kvs": [{"value": "x"}]})
    with pytest.raises(EtcdError, match="does not list"):
        list(etcd.values("/registry/secrets/"))


# ---------------------------------------------------------------------- configurations

BY_HAND = """\
# ours
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets, configmaps]
    providers:
      - aescbc:
          keys:
            - name: "key1"
              secret: c2VjcmV0
            - {name: x}
      - identity: {}
  - resources:
      - '*.*'
    providers:
      - kms:
          apiVersion: v2
          name: vault
          endpoint: unix:///run/kms.sock
"""


def test_a_file_in_the_form_of_the_documentation_is_understood() -> None:
    text = BY_HAND.replace("            - {name: x}\n", "")
    found = readers(text.encode())
    assert found["secrets"] == found["configmaps"] == readers_of(found, "secrets")
    assert set(found["secrets"]) == {"k8s:enc:aescbc:v1:key1", "identity"}
    assert readers_of(found, "events") == {"k8s:enc:kms:v2:vault": ""}
    same = readers(
        b'{"resources": [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": [%s]}}]}]}'
        % (b'{"name": "key1", "secret": "c2VjcmV0"}')
    )
    assert same["secrets"]["k8s:enc:aescbc:v1:key1"] == found["secrets"]["k8s:enc:aescbc:v1:key1"]


@pytest.mark.parametrize("text", [ROUND_1, ROUND_2, BY_HAND.replace("            - {name: x}\n", "")])
def test_node_and_controller_understand_the_same(text: str) -> None:
    assert readers_of(readers(text.encode()), "secrets").keys() == controllers_readers(text, "secrets").keys()


@pytest.mark.parametrize(
    "text",
    [
        BY_HAND,
        "[]",
        "resources: 1",
        "\t",
        '{"resources": [{"resources": ["secrets"], "providers": [{"rot13": {}}]}]}',
        '{"resources": [{"resources": ["secrets"], "providers": [{"aescbc": {}, "identity": {}}]}]}',
    ],
)
def test_what_is_not_understood_is_said_to_be_so(text: str) -> None:
    with pytest.raises(EditError):
        readers(text.encode())


def test_without_a_configuration_all_is_in_the_clear() -> None:
    assert readers_of(readers(None), "secrets") == {"identity": ""}
