# SPDX-License-Identifier: GPL-3.0-or-later
"""How etcd holds the objects of a resource: how the raw values begin, which are counted and never told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import fsio
from .etcd_api import Credentials, EtcdError, client_url
from .flags import EditError
from .manifest_pod import read_pod
from .value_beginning import count

if TYPE_CHECKING:
    from .system import System

RESOURCES = ("secrets", "configmaps")
"""Resources whose place in etcd is known here: those of the core group lie below their own names."""


def providers(system: System, resource: str = "secrets") -> dict[str, int]:
    """Return how many values begin with each k8s:enc:PROVIDER:VERSION:KEY; the others are `identity`.

    Asked through the etcd of the node's own API server, with that one's certificate. Raises EtcdError.
    """
    if resource not in RESOURCES:
        raise EtcdError(f"where etcd holds {resource} is not known")
    try:
        pod = read_pod(fsio.read_file(system.api_server_manifest), "kube-apiserver")
    except (OSError, EditError) as reason:
        raise EtcdError(f"{system.api_server_manifest}: {reason}") from reason
    credentials = Credentials(
        *(pod.option(f"etcd-{name}") or "" for name in ("cafile", "certfile", "keyfile"))
    )
    etcd = system.etcd(client_url(pod.option("etcd-servers") or ""), credentials)
    place = (pod.option("etcd-prefix") or "/registry").strip("/")
    return count(etcd.values(f"/{place}/{resource}/"))
