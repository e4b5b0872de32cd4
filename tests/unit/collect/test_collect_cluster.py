# SPDX-License-Identifier: Apache-2.0
"""What a control plane asks its own API server, over real TLS."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import (
    cluster_lock,
    collect_cluster,
    collect_rendered,
    collect_static_pods,
    collector,
    framing,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import ApiError
from ansible_collections.cksharden.node.plugins.module_utils.node.run import TimeLimitError
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from tests.unit.collect.conftest import FakeNode
from tests.unit.collect.test_kubeadm_render import CONFIGURATION
from tests.unit.node.api_server import BALANCER, ApiServer, Call, api_server

REQUEST = check_request({"schema": "1.1", "cluster": True})
SYSTEM = "/api/v1/namespaces/kube-system"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a node is asked as root")


def a_node(name: str, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": "192.0.2.1"},
            ],
        },
    }


def a_pod(name: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": "mirror", "annotations": annotations},
        "spec": {"nodeName": "cp1"},
        "status": {"conditions": [{"type": "Ready", "status": "False"}]},
    }


def config_map(**data: str) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "7"}, "data": data}


def page(items: list[Any], following: str = "") -> dict[str, Any]:
    return {"metadata": {"continue": following} if following else {}, "items": items}


LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/cksharden"
OBJECTS = {
    LEASE: {"metadata": {"resourceVersion": "3"}, "spec": {"holderIdentity": "20261123T132000Z-1a2b3c"}},
    f"{SYSTEM}/configmaps/kubelet-config": config_map(kubelet="readOnlyPort: 0\ntoken: abcdef\n"),
    f"{SYSTEM}/configmaps/kubeadm-config": config_map(ClusterConfiguration=CONFIGURATION),
    "/api/v1/nodes?limit=100": page([a_node("cp1", **{"node-role.kubernetes.io/control-plane": ""})], "more"),
    "/api/v1/nodes?limit=100&continue=more": page([a_node("w1"), a_node("gone")]),
    f"{SYSTEM}/pods?labelSelector=tier%3Dcontrol-plane&limit=100": page(
        [a_pod("etcd-cp1", **{"kubernetes.io/config.hash": "hash"}), a_pod("no-mirror")]
    ),
    "/api/v1/nodes/cp1/proxy/configz": {"kubeletconfig": {"readOnlyPort": 0}},
    "/api/v1/nodes/w1/proxy/configz": {"kubeletconfig": {"staticPodURLHeader": {"A": ["secret"]}}},
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """The API server of this control plane, which admin.conf knows by the name of a load balancer."""
    directory = tmp_path / "server"
    directory.mkdir()
    with api_server(directory) as running:
        running.objects.update(OBJECTS)
        kubeconfig = running.kubeconfig(server=f"https://{BALANCER}")
        for module in (collect_cluster, collect_rendered, collect_static_pods):
            monkeypatch.setattr(module, "ADMIN", kubeconfig)
            monkeypatch.setattr(module, "MANIFEST", running.manifest())
        yield running


def test_a_cluster(server: ApiServer) -> None:
    assert collect_cluster.collect(REQUEST) == {
        "server": server.url,
        "kubelet_config": {"resource_version": "7", "text": 'readOnlyPort: 0\ntoken: "[redacted]"\n'},
        "kubeadm_config": {"resource_version": "7", "text": CONFIGURATION},
        "nodes": [
            {
                "name": name,
                "uid": f"uid-{name}",
                "ready": True,
                "kubelet_version": "v1.37.2",
                "control_plane": name == "cp1",
                "address": "192.0.2.1",
            }
            for name in ("cp1", "w1", "gone")
        ],
        "static_pods": [{"name": "etcd-cp1", "node": "cp1", "uid": "hash", "ready": False}],
        "configz": {
            "cp1": {"config": {"readOnlyPort": 0}},
            "w1": {"config": {"staticPodURLHeader": "[redacted]"}},
            "gone": {
                "error": "GET /api/v1/nodes/gone/proxy/configz is answered with 403: "
                "/api/v1/nodes/gone/proxy/configz is forbidden"
            },
        },
        "lease": {"holder": cluster_lock.holder_of(OBJECTS[LEASE])},
    }
    assert {call.method for call in server.calls} == {"GET"}


def absent(server: ApiServer, *names: str) -> None:
    def answer(call: Call) -> tuple[int, Any]:
        return (404, {"kind": "Status"}) if call.path.endswith(names) else (200, OBJECTS.get(call.path, {}))

    server.answer = answer


def test_what_is_not_there_is_none(server: ApiServer) -> None:
    absent(server, "/kubelet-config", "/kubeadm-config", "/cksharden")
    found = collect_cluster.collect(REQUEST)
    assert (found["kubelet_config"], found["kubeadm_config"], found["lease"]) == (None, None, None)


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/configmaps/kubelet-config", {"metadata": {}, "data": {"kubelet": "x"}}, "'resourceVersion'"),
        ("/configmaps/kubelet-config", config_map(kubelet="x" * 300000), "more than 262144 characters"),
        ("/configmaps/kubelet-config", {"data": "text"}, "an object without"),
        ("/nodes?limit=100", {"items": [{}], "metadata": {}}, "an object without 'metadata'"),
        ("/nodes?limit=100", b"{", "no JSON"),
    ],
)
def test_an_answer_that_is_not_whole_is_none(server: ApiServer, path: str, answer: Any, told: str) -> None:
    absent(server, "/cksharden")
    usual = server.answer
    assert usual is not None
    server.answer = lambda call: (200, answer) if call.path.endswith(path) else usual(call)
    with pytest.raises(ApiError, match=told):
        collect_cluster.collect(REQUEST)


def test_a_refusal_is_told(server: ApiServer) -> None:
    server.objects.clear()
    with pytest.raises(ApiError, match="answered with 403"):
        collect_cluster.collect(REQUEST)


HOSTILE = {
    "deep": b'{"kubeletconfig": ' + b'{"a": ' * 500 + b"1" + b"}" * 501,
    "deeper": b"[" * 100000,
    "large": json.dumps({"kubeletconfig": {"a": "x" * 300000}}).encode(),
    "infinite": b'{"kubeletconfig": {"a": 1e999}}',
    "text": b"\xff\xfe\x1b[31m",
    "other": b'{"kubeletconfig": [1]}',
}


def test_a_hostile_kubelet_spoils_its_own_answer_only(server: ApiServer) -> None:
    def answer(call: Call) -> tuple[int, Any]:
        name = call.path.split("/")[4]
        return 200, HOSTILE.get(name, {"kubeletconfig": {"name": name}})

    server.answer = answer
    names = [*HOSTILE, *(f"w{number}" for number in range(40))]
    found = collect_cluster.ask_kubelets(server.url, names)
    assert list(found) == names
    for name, one in found.items():
        assert ("error" in one) if name in HOSTILE else one == {"config": {"name": name}}
    framing.emit("nonce", found, io.StringIO())  # it can travel on


def test_kubelets_have_a_limit_together(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_cluster, "_CONFIGZ_IN_ALL", 5000)
    server.answer = lambda _call: (200, {"kubeletconfig": {"a": "x" * 1000}})
    found = collect_cluster.ask_kubelets(server.url, [f"w{number}" for number in range(20)])
    assert sum("config" in one for one in found.values()) == 4
    assert {one["error"] for one in found.values() if "error" in one} == {"the kubelets said too much in all"}


def test_kubelets_that_hang_cost_little(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_cluster, "_SECONDS", 0.2)
    monkeypatch.setattr(collect_cluster, "_SECONDS_IN_ALL", 0.7)
    asked: list[str] = []

    def answer(call: Call) -> tuple[int, Any]:
        asked.append(call.path)
        if "/h" in call.path:
            time.sleep(1)
        return 200, {"kubeletconfig": {}}

    server.answer = answer
    begun = time.monotonic()
    names = [*(f"h{number}" for number in range(100)), "w1"]
    found = collect_cluster.ask_kubelets(server.url, names)
    assert time.monotonic() - begun < 3
    assert set(found) == set(names)
    errors = [one["error"] for one in found.values() if "error" in one]
    assert any("timed out" in error for error in errors)
    assert any("it was not asked within" in error for error in errors)
    assert len(asked) < len(names)


@pytest.fixture
def control_plane(node: FakeNode, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNode]:
    monkeypatch.setattr(collector, "_CONTROL_PLANE", (server.manifest(),))
    monkeypatch.setattr(collect_static_pods, "DIRECTORY", f"{node.root}/manifests")
    # A lab may run on this machine.
    monkeypatch.setattr(collect_static_pods, "in_pods", lambda names: {name: [] for name in names})
    node.kubeadm()

    def stop(*_: object) -> None:
        raise TimeLimitError("stop")

    before = signal.signal(signal.SIGALRM, stop)
    yield node
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def states(sections: dict[str, Any]) -> set[str]:
    return {section["status"] for section in sections.values()}


@as_root
@pytest.mark.usefixtures("control_plane")
def test_the_sections_come_last_and_only_where_they_are_asked_for() -> None:
    sections = collector.main(REQUEST)["sections"]
    assert list(sections)[-3:] == ["static_pods", "cluster", "rendered"]
    assert states(sections) == {"ok"}
    assert sections["rendered"]["data"]["kubernetes_version"] == "v1.37.2"
    unasked = collector.main(REQUEST | {"cluster": False})["sections"]
    assert list(unasked)[-1] == "static_pods"


@as_root
def test_a_worker_asks_nothing_of_the_api(node: FakeNode, server: ApiServer) -> None:
    assert not {"cluster", "rendered", "static_pods"} & collector.main(REQUEST)["sections"].keys()
    assert server.calls == []
    assert node.unit.exists()


@as_root
@pytest.mark.usefixtures("control_plane")
def test_an_api_server_that_hangs_costs_no_other_section(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "_GRACE", 1)

    def hang(_call: Call) -> tuple[int, Any]:
        time.sleep(6)
        return 200, {}

    server.answer = hang
    begun = time.monotonic()
    sections = collector.main(REQUEST | {"limits": REQUEST["limits"] | {"cluster_seconds": 1}})["sections"]
    assert time.monotonic() - begun < 5
    assert sections.pop("cluster")["reason"] == "the time limit of 1 s was reached"
    assert sections.pop("rendered")["reason"] == "the time limit of 1 s was reached"
    assert states(sections) == {"ok"}


@as_root
@pytest.mark.usefixtures("control_plane")
def test_an_api_server_that_is_not_there(server: ApiServer) -> None:
    text = Path(server.manifest()).read_text().replace(f"port={server.url.rpartition(':')[2]}", "port=1")
    Path(server.manifest()).write_text(text)
    sections = collector.main(REQUEST)["sections"]
    assert "Connection refused" in sections.pop("cluster")["reason"]
    assert "Connection refused" in sections.pop("rendered")["reason"]
    assert states(sections) == {"ok"}


@as_root
@pytest.mark.usefixtures("control_plane")
def test_a_cluster_that_fails_takes_no_rendering_with_it(server: ApiServer) -> None:
    absent(server, "/nodes?limit=100")
    sections = collector.main(REQUEST)["sections"]
    assert sections.pop("cluster")["status"] == "error"
    assert states(sections) == {"ok"}
