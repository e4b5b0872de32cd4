# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the API server with a kubeconfig of the node, kubelet.conf or admin.conf."""

from __future__ import annotations

import http.client
import json
import math
import re
import socket
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

from .kubeconfig import read_settings, tls_context

ADMIN = "/etc/kubernetes/admin.conf"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
SECONDS = 5
"""Patience with one step of a request: the connection, or the next bytes."""
_LARGEST = 8 * 1024 * 1024
_FLAG = re.compile(r"""^\s*-\s*["']?--(bind-address|secure-port)=([^\s"']+)""", re.MULTILINE)
_FAILURES = (
    OSError,
    http.client.HTTPException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)


class ApiError(OSError):
    """The API server did not answer, or did not answer with the objects."""


class Api:
    """A connection to the API server; one request at a time. A context manager."""

    def __init__(
        self,
        kubeconfig: str,
        server: str | None = None,
        timeout: float = SECONDS,
        largest: int = _LARGEST,
    ) -> None:
        """Read a kubeconfig; nothing is asked yet.

        server: URL of the API server to ask, as own_server() gives it; without it the one that the
        kubeconfig names. Its certificate must be valid for the name in the kubeconfig either way.
        timeout: seconds, see SECONDS. largest: bytes of one answer. Raises ApiError.
        """
        self._largest = largest
        try:
            settings = read_settings(kubeconfig)
            named = urllib.parse.urlsplit(settings["server"])
            asked = urllib.parse.urlsplit(server) if server else named
            self._prefix = asked.path.rstrip("/")
            self._connection = _Connection(
                named.hostname or "",
                (asked.hostname or "", asked.port or 443),
                tls_context(settings),
                timeout,
            )
        except _FAILURES as reason:
            raise ApiError(_words(reason)) from reason

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> tuple[int, dict[str, Any]]:
        """Return the status code and the object of an answer; an error's object is a Status.

        path: with its query, below the server, as "/api/v1/nodes". accept: a type of JSON. Raises
        ApiError where no object came: nobody answered, too late, too much, or something that is no
        JSON object.
        """
        headers = {"Accept": accept, "User-Agent": "cksharden"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            self._connection.request(
                method,
                self._prefix + path,
                None if body is None else json.dumps(body).encode("ascii"),
                headers,
            )
            response = self._connection.getresponse()
            content = response.read(self._largest + 1)
            if len(content) > self._largest:
                raise ValueError(f"{method} {path} is answered with more than {self._largest} bytes")
            return response.status, _object(content, f"{method} {path}", response.status)
        except _FAILURES as reason:
            self.close()  # what is left of this answer must not be taken for the next one
            raise ApiError(_words(reason)) from reason

    def get(self, path: str) -> dict[str, Any]:
        """Return an object. Raises ApiError where there is none, or where it is refused."""
        status, found = self.request("GET", path)
        if status != 200:
            raise ApiError(f"GET {path} is answered with {refusal(status, found)}")
        return found

    def lines(self, path: str, largest: int) -> Iterator[bytes]:
        """Yield the lines of an answer that is text, without their ends.

        largest: bytes of the answer. Raises ApiError.
        """
        try:
            self._connection.request("GET", self._prefix + path, headers={"User-Agent": "cksharden"})
            response = self._connection.getresponse()
            if response.status != 200:
                raise ValueError(f"GET {path} is answered with {response.status}")
            while line := response.readline(largest + 1):
                largest -= len(line)
                if largest < 0:
                    raise ValueError(f"GET {path} is answered with too much")
                yield line.rstrip(b"\n")
        except _FAILURES as reason:
            raise ApiError(_words(reason)) from reason
        finally:
            self.close()  # nobody may want all lines

    def close(self) -> None:
        """End the connection; another request opens a new one."""
        self._connection.close()

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class NodeObjects(NamedTuple):
    """What a gate looks at; times are the API's own text."""

    lease_holder: str
    lease_renewed: str
    ready: bool
    ready_heartbeat: str
    """When the kubelet last reported the condition Ready, RFC 3339 in whole seconds."""


def node_objects(kubeconfig: str, node: str) -> NodeObjects:
    """Return the Lease and the condition Ready of a node.

    kubeconfig: path of the kubelet's own. Raises ApiError.
    """
    with Api(kubeconfig) as api:
        lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}")
        status = api.get(f"/api/v1/nodes/{node}")
    try:
        ready = ready_condition(status)
        spec = lease["spec"]
        return NodeObjects(
            str(spec.get("holderIdentity", "")),
            str(spec.get("renewTime", "")),
            ready.get("status") == "True",
            str(ready.get("lastHeartbeatTime", "")),
        )
    except _FAILURES as reason:
        raise ApiError(_words(reason)) from reason


def ready_condition(thing: dict[str, Any]) -> dict[str, Any]:
    """Return the condition Ready of a Node or a Pod, empty where it has none yet."""
    for condition in thing["status"].get("conditions") or ():
        if condition["type"] == "Ready":
            return dict(condition)
    return {}


def own_server(manifest: str = MANIFEST) -> str:
    """Return the URL under which this node reaches its own API server, past any load balancer.

    manifest: path of the static pod. Raises ApiError where there is none.
    """
    try:
        with open(manifest, encoding="utf-8", errors="replace") as stream:
            flags = dict(_FLAG.findall(stream.read(_LARGEST)))
    except OSError as reason:
        raise ApiError(_words(reason)) from reason
    address = flags.get("bind-address", "0.0.0.0")  # noqa: S104  kubeadm's default, read and not bound
    if address in ("0.0.0.0", "::", "[::]"):  # noqa: S104  a socket of [::] takes IPv4 as well
        address = "127.0.0.1"
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}:{flags.get('secure-port', '6443')}"


def refusal(status: int, answer: dict[str, Any]) -> str:
    """Return the code and the message of an answer that is no success."""
    return f"{status}: {answer.get('message') or answer.get('reason') or 'no message'}"


class _Connection(http.client.HTTPSConnection):
    """Connects to one address and takes only a certificate for a name that may be another."""

    def __init__(self, name: str, address: tuple[str, int], context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(name, address[1], timeout=timeout, context=context)
        self._address, self._tls, self._seconds = address, context, timeout

    def connect(self) -> None:
        """Connect."""
        plain = socket.create_connection(self._address, self._seconds)
        # Head and body are two packets: without this the second waits 40 ms for the first one's receipt.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _object(body: bytes, what: str, status: int) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_constant=_finite, parse_float=_finite)
    except ValueError as reason:
        raise ValueError(f"{what} is answered with {status} and no JSON") from reason
    if not isinstance(found, dict):
        raise TypeError(f"{what} is not answered with an object")
    return found


def _finite(number: str) -> float:
    """Return a number; infinity, which Python takes from 1e999 as well, is not JSON that can travel on."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number of JSON")
    return value


def _words(reason: BaseException) -> str:
    return f"{type(reason).__name__}: {reason}"
