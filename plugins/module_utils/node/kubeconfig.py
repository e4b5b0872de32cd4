# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a kubeconfig that kubeadm wrote, and make a TLS client of it.

Its text is regular, so lines are read, not YAML. The client key never leaves the node and is never
written: one that is inside the kubeconfig goes to the TLS library through a memfd.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import ssl
from collections.abc import Iterator

_LINE = re.compile(r"^[ \t-]*([A-Za-z-]+):[ \t]*(\S.*?)[ \t]*$")
_UNSUPPORTED = ("proxy-url", "token", "tokenFile", "insecure-skip-tls-verify", "exec", "tls-server-name")


def read_settings(kubeconfig: str) -> dict[str, str]:
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


def tls_context(settings: dict[str, str]) -> ssl.SSLContext:
    """Return a context that trusts the cluster's CA and shows the user's certificate.

    Raises OSError, ValueError or KeyError.
    """
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
