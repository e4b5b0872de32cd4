# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the API server for a node's own Lease and Node, with the kubelet's credentials.

The text of a kubeconfig that kubeadm writes is regular, so its lines are read, not YAML. The client
key never leaves the node and is never written: one that is inside the kubeconfig goes to the TLS
library through a memfd.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import os
import re
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

SECONDS = 5
"""Patience with one request."""
_LARGEST = 8 * 1024 * 1024
_LINE = re.compile(r"^[ \t-]*([A-Za-z-]+):[ \t]*(\S.*?)[ \t]*$")
_UNSUPPORTED = ("proxy-url", "token", "tokenFile", "insecure-skip-tls-verify", "exec", "tls-server-name")


class ApiError(Exception):
    """The API server did not answer, or did not answer with the objects."""


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
    try:
        settings = _settings(kubeconfig)
        context = _context(settings)
        server = urllib.parse.urlsplit(settings["server"])
        lease_path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
        connection = http.client.HTTPSConnection(
            server.hostname or "", server.port or 443, context=context, timeout=SECONDS
        )
        try:
            lease = _get(connection, server.path.rstrip("/") + lease_path)
            status = _get(connection, f"{server.path.rstrip('/')}/api/v1/nodes/{node}")
        finally:
            connection.close()
        return _judge(lease, status)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise ApiError(f"{type(reason).__name__}: {reason}") from reason


def _judge(lease: dict[str, Any], node: dict[str, Any]) -> NodeObjects:
    ready: dict[str, Any] = {}
    for condition in node["status"]["conditions"]:
        if condition["type"] == "Ready":
            ready = condition
    spec = lease["spec"]
    return NodeObjects(
        str(spec.get("holderIdentity", "")),
        str(spec.get("renewTime", "")),
        ready.get("status") == "True",
        str(ready.get("lastHeartbeatTime", "")),
    )


def _get(connection: http.client.HTTPSConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "cksharden"})
    response = connection.getresponse()
    body = response.read(_LARGEST)
    if response.status != 200:
        raise ValueError(f"GET {path} is answered with {response.status}")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise TypeError(f"GET {path} is not answered with an object")
    return found


def _settings(kubeconfig: str) -> dict[str, str]:
    """Return the keys of a kubeconfig with one cluster and one user. Raises ValueError for any other."""
    found: dict[str, str] = {}
    with open(kubeconfig, encoding="utf-8") as stream:
        for line in stream:
            match = _LINE.match(line)
            if match is None:
                continue
            key, value = match.group(1), match.group(2)
            if value[0] in "\"'" and value[-1] == value[0]:
                value = value[1:-1]
            if found.setdefault(key, value) != value and key not in ("name", "user", "cluster"):
                raise ValueError(f"{kubeconfig} names more than one {key}")
    for key in _UNSUPPORTED:
        if key in found:
            raise ValueError(f"{kubeconfig} uses {key}, which is not supported here")
    if not found.get("server", "").startswith("https://"):
        raise ValueError(f"{kubeconfig} names no https server")
    return found


def _context(settings: dict[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "certificate-authority-data" in settings:
        context.load_verify_locations(cadata=_decoded(settings["certificate-authority-data"]).decode("ascii"))
    else:
        context.load_verify_locations(cafile=settings["certificate-authority"])
    with contextlib.ExitStack() as stack:
        paths = [
            stack.enter_context(_in_memory(settings[f"{name}-data"]))
            if f"{name}-data" in settings
            else settings[name]
            for name in ("client-certificate", "client-key")
        ]
        context.load_cert_chain(paths[0], paths[1])
    return context


@contextlib.contextmanager
def _in_memory(encoded: str) -> Iterator[str]:
    descriptor = os.memfd_create("cksharden", os.MFD_CLOEXEC)
    try:
        data = _decoded(encoded)
        while data:
            data = data[os.write(descriptor, data) :]
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("a certificate in the kubeconfig is not base64") from None
