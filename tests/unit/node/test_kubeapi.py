# SPDX-License-Identifier: Apache-2.0
"""The client of the API server, over real TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import kubeapi
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import Api, ApiError, own_server
from tests.unit.node.api_server import BALANCER, ApiServer, Call, api_server

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/w1"
NODE = "/api/v1/nodes/w1"
OBJECTS = {
    LEASE: {"spec": {"holderIdentity": "w1", "renewTime": "2026-11-23T14:00:00.000000Z"}},
    NODE: {
        "status": {
            "conditions": [
                {"type": "MemoryPressure", "status": "False", "lastHeartbeatTime": "2026-11-23T13:00:00Z"},
                {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-23T14:00:00Z"},
            ]
        }
    },
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        yield running


@pytest.mark.parametrize("inside", [False, True])
def test_a_kubelet_asks_for_its_own_objects(server: ApiServer, inside: bool) -> None:
    user = f"    client-certificate: {server.both}\n    client-key: {server.both}\n"
    path = server.kubeconfig("kubelet.conf", user="" if inside else user)
    server.objects.update(OBJECTS)
    found = kubeapi.node_objects(path, "w1")
    assert found == ("w1", "2026-11-23T14:00:00.000000Z", True, "2026-11-23T14:00:00Z")
    server.objects.clear()
    with pytest.raises(ApiError, match=r"answered with 403: .* is forbidden"):
        kubeapi.node_objects(path, "w1")


@pytest.mark.parametrize("lease", [[], "text", {"spec": None}, {}])
def test_objects_of_another_form_are_no_answer(server: ApiServer, lease: Any) -> None:
    server.objects.update({**OBJECTS, LEASE: lease})
    with pytest.raises(ApiError):
        kubeapi.node_objects(server.kubeconfig(), "w1")


def test_what_is_sent_and_answered(server: ApiServer) -> None:
    server.answer = lambda call: (409, {"kind": "Status", "message": f"not {call.method}"})
    with Api(server.kubeconfig()) as api:
        assert api.request("PUT", "/a?b=c", {"é": 1}) == (409, {"kind": "Status", "message": "not PUT"})
        patch = "application/merge-patch+json"
        assert api.request("PATCH", "/a", {}, patch)[0] == 409
        assert api.request("DELETE", "/a")[0] == 409
        with pytest.raises(ApiError, match="GET /a is answered with 409: not GET"):
            api.get("/a")
    assert server.calls == [
        Call("PUT", "/a?b=c", {"é": 1}, "application/json"),
        Call("PATCH", "/a", {}, patch),
        Call("DELETE", "/a", None, None),
        Call("GET", "/a", None, None),
    ]


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xff\xfe{}", b"[1]", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 100000, b'{"a": ', b"bad gateway"],
)
def test_a_hostile_answer_is_none_and_the_next_is_not_taken_for_it(server: ApiServer, answer: bytes) -> None:
    with Api(server.kubeconfig()) as api:
        server.answer = lambda _call: (200, answer)
        with pytest.raises(ApiError):
            api.request("GET", "/")
        server.answer = lambda _call: (200, {"a": 1})
        assert api.request("GET", "/") == (200, {"a": 1})


def test_an_answer_has_a_largest_size(server: ApiServer) -> None:
    server.answer = lambda _call: (200, {"a": "x" * 200})
    with Api(server.kubeconfig(), largest=100) as api, pytest.raises(ApiError, match="more than 100 bytes"):
        api.request("GET", "/")


def test_nobody_answers(server: ApiServer) -> None:
    with (
        Api(server.kubeconfig(server="https://127.0.0.1:1")) as api,
        pytest.raises(ApiError, match="refused"),
    ):
        api.request("GET", "/")


def test_an_answer_that_does_not_come_is_not_waited_for(server: ApiServer) -> None:
    def hang(_call: Call) -> tuple[int, Any]:
        time.sleep(1)
        return 200, {}

    server.answer = hang
    with Api(server.kubeconfig(), timeout=0.2) as api, pytest.raises(ApiError, match="timed out"):
        api.request("GET", "/")


@pytest.mark.parametrize("flags", [[], ["--bind-address=0.0.0.0"], ["--bind-address=127.0.0.1"]])
def test_the_nodes_own_server_is_asked_past_the_load_balancer(server: ApiServer, flags: list[str]) -> None:
    own = own_server(server.manifest(*flags))
    assert own == server.url
    path = server.kubeconfig(server=f"https://{BALANCER}:6443")
    with Api(path, own) as api:
        assert api.request("GET", "/")[0] == 403
    with Api(path) as api, pytest.raises(ApiError, match="gaierror"):
        api.request("GET", "/")


def test_addresses_of_own_servers(server: ApiServer, tmp_path: Path) -> None:
    assert own_server(server.manifest("--bind-address=fd00::1")).startswith("https://[fd00::1]:")
    assert own_server(server.manifest("--bind-address=::")) == server.url
    (tmp_path / "default.yaml").write_text("    - kube-apiserver\n    - --advertise-address=10.0.0.1\n")
    assert own_server(str(tmp_path / "default.yaml")) == "https://127.0.0.1:6443"
    with pytest.raises(ApiError, match="No such file"):
        own_server(str(tmp_path / "absent.yaml"))


def test_a_server_that_can_not_prove_its_name_is_not_asked(server: ApiServer) -> None:
    path = server.kubeconfig(server="https://other.test:6443")
    with Api(path, server.url) as api, pytest.raises(ApiError, match="certificate is not valid for 'other"):
        api.request("GET", "/")
    assert server.calls == []


def test_a_server_of_another_authority_is_not_asked(server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with api_server(tmp_path / "other") as other:
        path = other.kubeconfig(server=server.url)
        with Api(path) as api, pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
            api.request("GET", "/")
    assert server.calls == []


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("    token: abcdef\n", "uses token"),
        ("    client-certificate: /nowhere\n    client-key: /nowhere\n", "No such file"),
        ("    client-certificate-data: '%'\n    client-key-data: x\n", "not base64"),
        ("    client-key: /nowhere\n", "client-certificate"),
        ("    server: https://other\n", "more than one server"),
        ("    proxy-url: http://proxy\n", "uses proxy-url"),
    ],
)
def test_a_kubeconfig_that_is_not_understood(server: ApiServer, user: str, told: str) -> None:
    with pytest.raises(ApiError, match=told) as caught:
        Api(server.kubeconfig(user=user))
    assert "abcdef" not in str(caught.value)


def test_an_answer_of_lines(server: ApiServer) -> None:
    server.answer = lambda _call: (200, b"first\n\nlast")
    with Api(server.kubeconfig()) as api:
        assert list(api.lines("/metrics", 100)) == [b"first", b"", b"last"]
        assert list(api.lines("/metrics", 11)) == [b"first", b"", b"last"]
        with pytest.raises(ApiError, match="answered with too much"):
            list(api.lines("/metrics", 10))
        assert next(iter(api.lines("/metrics", 100))) == b"first"
    server.answer = None
    with Api(server.kubeconfig()) as api, pytest.raises(ApiError, match="answered with 403"):
        list(api.lines("/metrics", 100))
