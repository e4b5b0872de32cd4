# SPDX-License-Identifier: Apache-2.0
"""What the gate of a kubelet takes for proof, and the API server and the log that it asks."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.cksharden.node.plugins.module_utils.node import gate, kubeapi
from ansible_collections.cksharden.node.plugins.module_utils.node.gate import Gate, GateError
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import ApiError
from ansible_collections.cksharden.node.plugins.module_utils.node.system import System, error_line
from tests.unit.node.fakes import FakeNode

UNIT = "kubelet.service"
SETTINGS = gate.settings({"window": 10, "limit": 60})[0]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("kubelet",), "host.example"),
        (("kubelet", "--hostname-override=Other"), "other"),
        (("kubelet", "--hostname-override", "Other", "--v=2"), "other"),
        (("kubelet", "--hostname-override=a", "--hostname-override=b"), "b"),
        (("kubelet", "--hostname-override"), "host.example"),
    ],
)
def test_node_name(argv: tuple[str, ...], name: str) -> None:
    assert gate.node_name(argv, "Host.example") == name


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (("k", "--config-dir=/d", "--v=2"), ""),
        (("k", "--v=2", "--config-dir=/d"), ""),
        (("k", "--v=2"), "--config-dir is missing"),
        (("k", "--config-dir=/d", "--v=2", "--token=secret"), "--token was not planned"),
        (("k", "--config-dir=/d", "--v=2", "--v=2"), "--v was not planned"),
        (("(kubelet)",), "a word is missing"),
    ],
)
def test_the_command_line_is_compared_without_telling_values(found: tuple[str, ...], told: str) -> None:
    check = gate.expect_change(("k", "--tls=1", "--v=2"), ["--config-dir=/d"], ["--tls=1"])
    answer = check(found)
    assert (told in answer) if told else not answer
    assert "secret" not in answer


def watch(node: FakeNode, *, ask_api: bool = True, expected: tuple[str, ...] | None = None) -> float:
    """Restart and watch; return the seconds that it took."""
    before = node.system.monotonic()
    watched = Gate(node.system, UNIT, SETTINGS, "w1")
    watched.restart(daemon_reload=True)
    digest = None if expected is None else gate.arguments_digest(expected)
    watched.watch(gate.expect_digest(digest), ask_api=ask_api)
    return node.system.monotonic() - before


def test_it_holds_after_the_window(node: FakeNode) -> None:
    assert SETTINGS["window"] <= watch(node) <= SETTINGS["window"] + 12
    assert watch(node, ask_api=False) == pytest.approx(SETTINGS["window"], abs=1.5)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("dies", "ended after its restart"),
        ("never_ready", "did not turn Ready within 60 s"),
        ("no_lease", "did not renew its Lease within 60 s"),
        ("no_api", "the API server did not answer"),
    ],
)
def test_it_does_not_hold(node: FakeNode, fault: str, told: str) -> None:
    node.system.set(fault=fault, always=True)
    with pytest.raises(GateError, match=told):
        watch(node)


def test_another_command_line_does_not_hold(node: FakeNode) -> None:
    with pytest.raises(GateError, match="not the one from before"):
        watch(node, expected=("other",))


def test_a_process_that_was_not_started_anew_does_not_hold(node: FakeNode) -> None:
    watched = Gate(node.system, UNIT, SETTINGS, "w1")
    node.system.sleep(5)
    watched._ticks = node.system.ticks()
    with pytest.raises(GateError, match="no new kubelet process was there within 60 s"):
        watched.watch(gate.expect_digest(None), ask_api=True)


def test_a_second_start_does_not_hold(node: FakeNode) -> None:
    class Restless(type(node.system)):  # type: ignore[misc]
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.get("now") > 1005:
                self.start_kubelet()

    node.system = Restless(node.root)
    with pytest.raises(GateError, match="more than once"):
        watch(node)


def test_an_error_line_is_the_one_that_ended_it_and_holds_no_secret() -> None:
    lines = [
        "I1123 14:38:00.0 1 server.go:1] starting",
        'E1123 14:38:00.1 1 run.go:72] "command failed" err="bad --token=abcdef.0123456789abcdef \x1b[31m"',
        'E1123 14:38:00.2 1 other.go:1] "noise"',
        "kubelet.service: Failed with result 'exit-code'.",
    ]
    found = error_line(lines)
    assert found is not None
    assert "command failed" in found
    assert "abcdef.0123456789abcdef" not in found
    assert "\x1b" not in found
    assert "noise" in str(error_line(lines[2:]))
    assert "Failed" in str(error_line(lines[3:]))
    assert error_line(lines[:1]) is None
    assert len(str(error_line([lines[1] + "x" * 5000]))) <= 500


def test_processes_and_clocks_of_this_machine() -> None:
    system = System()
    before = system.ticks()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "(odd) name"]) as child:
        time.sleep(0.2)
        process = system.process(child.pid)
        assert process is not None
        assert process.argv[-1] == "(odd) name"
        assert before - 1 <= process.started <= system.ticks()
        assert abs(system.epoch_of(process.started) - time.time()) < 5
        child.kill()
    assert system.process(child.pid) is None
    assert system.process(0) is None
    assert len(system.boot_id()) == 36
    assert system.host_name() == os.uname().nodename


class ApiServer(http.server.BaseHTTPRequestHandler):
    """Answers as an API server does, to a client with a certificate."""

    objects: dict[str, Any]

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        self.send_response(200 if found is not None else 403)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA with its own certificate as server and client: what matters is that it is asked for."""
    directory = tmp_path_factory.mktemp("pki")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "both.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return directory


@pytest.fixture
def server(certificates: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of an API server, and its objects."""

    class Handler(ApiServer):
        pass

    Handler.objects = {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "both.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{running.server_address[1]}", Handler.objects
        running.shutdown()
        thread.join()


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


def kubeconfig(directory: Path, server: str, user: str, certificates: Path) -> str:
    """A kubeconfig in the form that kubeadm writes."""
    authority = base64.b64encode((certificates / "ca.pem").read_bytes()).decode()
    path = directory / "kubelet.conf"
    path.write_text(
        f"apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n"
        f"    server: {server}\n  name: default-cluster\ncontexts:\n- context:\n    cluster: default-cluster\n"
        f"    namespace: default\n    user: default-auth\n  name: default-context\n"
        f"current-context: default-context\nkind: Config\nusers:\n- name: default-auth\n  user:\n{user}"
    )
    return str(path)


@pytest.mark.parametrize("inside", [False, True])
def test_the_api_server_is_asked_with_the_kubelets_certificate(
    server: tuple[str, dict[str, Any]], certificates: Path, tmp_path: Path, inside: bool
) -> None:
    both = certificates / "both.pem"
    data = base64.b64encode(both.read_bytes()).decode()
    user = f"    client-certificate: {both}\n    client-key: {both}\n"
    if inside:
        user = f"    client-certificate-data: {data}\n    client-key-data: '{data}'\n"
    path = kubeconfig(tmp_path, server[0], user, certificates)
    server[1].update(OBJECTS)
    found = kubeapi.node_objects(path, "w1")
    assert found == ("w1", "2026-11-23T14:00:00.000000Z", True, "2026-11-23T14:00:00Z")
    server[1].clear()
    with pytest.raises(ApiError, match="answered with 403"):
        kubeapi.node_objects(path, "w1")


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
def test_a_kubeconfig_that_is_not_understood(
    certificates: Path, tmp_path: Path, user: str, told: str
) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", user, certificates)
    with pytest.raises(ApiError, match=told) as caught:
        kubeapi.node_objects(path, "w1")
    assert "abcdef" not in str(caught.value)


def test_objects_of_another_form_are_no_answer(
    server: tuple[str, dict[str, Any]], certificates: Path, tmp_path: Path
) -> None:
    both = certificates / "both.pem"
    user = f"    client-certificate: {both}\n    client-key: {both}\n"
    path = kubeconfig(tmp_path, server[0], user, certificates)
    leases: list[Any] = [[], "text", {"spec": None}, {}]
    for lease in leases:
        server[1].update({**OBJECTS, LEASE: lease})
        with pytest.raises(ApiError):
            kubeapi.node_objects(path, "w1")


def test_nobody_answers(certificates: Path, tmp_path: Path) -> None:
    both = certificates / "both.pem"
    user = f"    client-certificate: {both}\n    client-key: {both}\n"
    with pytest.raises(ApiError, match="refused"):
        kubeapi.node_objects(kubeconfig(tmp_path, "https://127.0.0.1:1", user, certificates), "w1")
