# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay a probe of the kubelet from the node: without credentials, and taking any certificate."""

from __future__ import annotations

import http.client
import socket
import ssl

from .manifest_pod import Probe


def replay(probe: Probe) -> str:
    """Return what is wrong with the answer to a probe, "" for nothing."""
    where = f"{probe.name} at {probe.scheme}://{probe.host}:{probe.port}{probe.path}"
    try:
        if probe.scheme == "tcp":
            socket.create_connection((probe.host, probe.port), probe.timeout).close()
            return ""
        status = _status(probe)
    except (OSError, http.client.HTTPException) as reason:
        return f"{where} is not answered ({reason})"
    return "" if 200 <= status < 400 else f"{where} is answered with {status}"


def _status(probe: Probe) -> int:
    if probe.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # as the kubelet's own probes
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            probe.host, probe.port, timeout=probe.timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(probe.host, probe.port, timeout=probe.timeout)
    try:
        connection.request("GET", probe.path, headers={"User-Agent": "kube-probe/cksharden"})
        return connection.getresponse().status
    finally:
        connection.close()
