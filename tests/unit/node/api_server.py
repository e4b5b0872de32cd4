# SPDX-License-Identifier: Apache-2.0
"""An API server of its own CA on this machine, that a client reaches over real TLS with a certificate."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BALANCER = "balancer.test"
"""The other name of the server's certificate, which no resolver knows."""


@dataclass(frozen=True)
class Call:
    """One request, as it came in."""

    method: str
    path: str
    body: Any
    content_type: str | None


@dataclass
class ApiServer:
    """Answers a GET from objects (by path with its query); replace `answer` for anything else."""

    url: str
    directory: Path
    objects: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], tuple[int, Any]] | None = None

    def reply(self, call: Call) -> tuple[int, Any]:
        """Return the code and the object, or bytes, of an answer."""
        self.calls.append(call)
        if self.answer is not None:
            return self.answer(call)
        if call.path not in self.objects:
            return 403, {"kind": "Status", "message": f"{call.path} is forbidden"}
        return 200, self.objects[call.path]

    def kubeconfig(self, name: str = "admin.conf", *, server: str = "", user: str = "") -> str:
        """Write a kubeconfig in the form of kubeadm's; return its path.

        server: another URL; user: other lines than those with the certificate inside.
        """
        authority = _base64(self.directory / "ca.pem")
        both = _base64(self.directory / "both.pem")
        user = user or f"    client-certificate-data: {both}\n    client-key-data: '{both}'\n"
        path = self.directory / name
        path.write_text(
            f"apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n"
            f"    server: {server or self.url}\n  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n"
            "    namespace: default\n    user: kubernetes-admin\n  name: default-context\n"
            f"current-context: default-context\nkind: Config\nusers:\n- name: kubernetes-admin\n  user:\n{user}"
        )
        return str(path)

    @property
    def both(self) -> Path:
        """A file with the client's certificate and key."""
        return self.directory / "both.pem"

    def manifest(self, *flags: str) -> str:
        """Write the static pod of an API server on this one's port; return its path."""
        path = self.directory / "kube-apiserver.yaml"
        words = [*flags, f"--secure-port={self.url.rpartition(':')[2]}"]
        lines = "".join(f"    - {word}\n" for word in words)
        endpoint = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.0.0.11:6443"
        head = f"kind: Pod\nmetadata:\n  annotations:\n    {endpoint}\n  name: kube-apiserver\n"
        path.write_text(f"{head}spec:\n  containers:\n  - command:\n    - kube-apiserver\n{lines}")
        return str(path)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@contextlib.contextmanager
def api_server(directory: Path) -> Iterator[ApiServer]:
    """Run an API server; its certificates and kubeconfigs lie in an empty directory."""
    _write_certificates(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "both.pem")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._reply
            raise AttributeError(name)

        def _reply(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(sent) if sent else None
            status, found = server.reply(Call(self.command, self.path, body, self.headers["Content-Type"]))
            answer = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with _Quiet(("127.0.0.1", 0), Handler) as running:
        # The handshake belongs to each connection's own thread.
        running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
        server = ApiServer(f"https://127.0.0.1:{running.server_address[1]}", directory)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        running.shutdown()
        thread.join()


class _Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""


def _write_certificates(directory: Path) -> None:
    """One certificate is CA, server and client: what matters is that it is asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(BALANCER)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (directory / "ca.pem").write_bytes(public)
    (directory / "both.pem").write_bytes(pem + public)
