# SPDX-License-Identifier: Apache-2.0
"""What is asked over the network: members of etcd by a client's certificate, and probes without any."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import etcd_api, pod_logs
from ansible_collections.cksharden.node.plugins.module_utils.node.etcd_api import Credentials, Etcd, EtcdError
from ansible_collections.cksharden.node.plugins.module_utils.node.manifest_pod import Probe
from ansible_collections.cksharden.node.plugins.module_utils.node.probes import replay
from tests.unit.node.api_server import ApiServer, Call, api_server

MEMBERS = {
    "members": [
        {"ID": "10276657743932975437", "name": "cp1", "clientURLs": ["https://10.0.0.11:2379"]},
        {"ID": "2", "isLearner": True},
    ]
}
STATUS = {"header": {"member_id": "3"}, "leader": "3", "raftIndex": "12", "raftAppliedIndex": "11"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        yield running


def etcd(server: ApiServer) -> Etcd:
    return Etcd(server.url, Credentials(str(server.directory / "ca.pem"), str(server.both), str(server.both)))


def test_members_and_status_are_read_from_the_gateway(server: ApiServer) -> None:
    server.objects = {"/v3/cluster/member/list": MEMBERS, "/v3/maintenance/status": STATUS}
    first, second = etcd(server).members()
    assert first == ("10276657743932975437", "cp1", ("https://10.0.0.11:2379",), False)
    assert second == ("2", "", (), True)
    assert etcd(server).status() == ("3", "3", 12, 11, ())
    assert [call.method for call in server.calls] == ["POST", "POST"]


def test_leadership_is_handed_over_by_the_members_id(server: ApiServer) -> None:
    server.objects = {"/v3/maintenance/transfer-leadership": {"header": {}}}
    etcd(server).move_leader("10276657743932975437")
    assert server.calls[0].body == {"targetID": "10276657743932975437"}


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, {"error": "etcdserver: no leader"}), (200, []), (200, {"members": [{}]}), (200, b"<html>")],
)
def test_an_answer_that_is_none_is_an_error(server: ApiServer, status: int, answer: Any) -> None:
    def reply(_call: Call) -> tuple[int, Any]:
        return status, answer

    server.answer = reply
    with pytest.raises(EtcdError):
        etcd(server).members()
    with pytest.raises(EtcdError):
        etcd(server).status()


def test_a_member_that_is_not_there_is_an_error(server: ApiServer) -> None:
    gone = Etcd("https://127.0.0.1:1", Credentials(str(server.both), str(server.both), str(server.both)))
    with pytest.raises(EtcdError, match=r"127\.0\.0\.1:1"):
        gone.status()


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("https://10.0.0.11:2379,https://127.0.0.1:2379", "https://127.0.0.1:2379"),
        ("https://10.0.0.11:2379", "https://10.0.0.11:2379"),
    ],
)
def test_the_member_of_the_node_is_asked_on_the_node(listen: str, url: str) -> None:
    assert etcd_api.client_url(listen) == url


class Plain(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/livez": 200, "/redirect": 301, "/private": 401}.get(self.path, 500))
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "told"), [("/livez", ""), ("/redirect", ""), ("/private", "with 401"), ("/x", "with 500")]
)
def test_a_probe_passes_as_it_does_for_the_kubelet(port: int, path: str, told: str) -> None:
    answer = replay(Probe("livenessProbe", "http", "127.0.0.1", port, path, 2))
    assert (told in answer) if told else answer == ""


def test_probes_of_sockets_and_of_servers_that_are_not_there(port: int, server: ApiServer) -> None:
    assert replay(Probe("livenessProbe", "tcp", "127.0.0.1", port, "/", 2)) == ""
    assert "is not answered" in replay(Probe("livenessProbe", "tcp", "127.0.0.1", 1, "/", 2))
    assert "is not answered" in replay(Probe("livenessProbe", "http", "127.0.0.1", 1, "/", 2))
    own = int(server.url.rpartition(":")[2])  # asks for a certificate, which a probe has none of
    assert "is not answered" in replay(Probe("livenessProbe", "https", "127.0.0.1", own, "/", 2))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["I1 a", 'E1123 10:00:00.1 1 run.go:72] "command failed" err="bad"', "E1123 later"],
            '"command failed"',
        ),
        (['{"level":"info"}', '{"level":"fatal","msg":"no"}', '{"level":"error","msg":"x"}'], '"fatal"'),
        (["Usage:", "  --x", "Error: unknown flag: --y"], "unknown flag: --y"),
        (["I1 fine", "it failed to x --token=0123456789abcdef"], "[redacted]"),
        (["flag provided but not defined: -x", "  --initial-election-tick: failed"], "not defined: -x"),
        (["I1 fine"], None),
    ],
)
def test_the_line_that_a_component_ends_with(tmp_path: Path, lines: list[str], told: str | None) -> None:
    place = tmp_path / "kube-system_etcd-cp1_0123/etcd"
    place.mkdir(parents=True)
    old = "2026-11-23T09:00:00.5Z stderr F Error: of another time\n"
    text = "".join(
        f"2026-11-23T11:00:0{number}.123456789+01:00 stderr F {line}\n" for number, line in enumerate(lines)
    )
    (place / "0.log").write_text(old + text)
    since = 1795427999.0  # 2026-11-23T09:59:59Z
    found = pod_logs.error_line("etcd", since, str(tmp_path))
    assert found is None if told is None else told in str(found)
    assert pod_logs.files("etcd", str(tmp_path)) == [str(place / "0.log")]
    assert pod_logs.files("kube-apiserver", str(tmp_path)) == []
