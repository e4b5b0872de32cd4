# SPDX-License-Identifier: Apache-2.0
"""A node as a stranger on its network sees it, who has no key of it and no credentials of the cluster."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request

KUBELET_PORT = 10250
SECONDS = 5


def handshake(
    address: str, version: str | None = None, suites: str | None = None, port: int = KUBELET_PORT
) -> tuple[str, str] | None:
    """Return the version of TLS and the cipher suite that a port agrees to, None where it refuses.

    Args:
        version: The only version that is offered, such as "TLSv1_2"; by default all that are known.
        suites: What is offered up to TLS 1.2, in OpenSSL's words.
    """
    context = _trusting()
    if version is not None:
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    if suites is not None:
        context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with socket.create_connection((address, port), timeout=SECONDS) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                suite = secured.cipher()
                return (secured.version() or "", suite[0] if suite else "")
        except ssl.SSLError:
            return None


def listens(address: str, port: int) -> bool:
    """Tell whether a port takes connections; a packet that gets no answer at all is an error."""
    try:
        socket.create_connection((address, port), timeout=SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


def ask(url: str, token: str = "", method: str = "GET") -> tuple[int, str]:
    """Return the status and the body of an answer, whatever certificate the server shows.

    Args:
        token: A bearer token to show.
    """
    request = urllib.request.Request(url, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=_trusting()) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
