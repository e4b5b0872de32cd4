# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption at rest on a control plane: the configuration, what is loaded of it, and what etcd holds."""

from __future__ import annotations

import os
from typing import Any

from . import encryption_config, fsio, secrets_rewrite, secrets_stored
from .etcd_api import EtcdError
from .flags import EditError
from .kubeapi import ApiError, own_server
from .loaded import loaded
from .step import RefusedError
from .system import System

ADMIN = "/etc/kubernetes/admin.conf"
_LARGEST = 1024 * 1024

Answer = dict[str, Any]


def main(payload: dict[str, Any]) -> Answer:
    """Do payload["do"]: read (path), loaded, rewrite or prove (resources). See answer."""
    return answer(payload, System())


def answer(payload: dict[str, Any], system: System) -> Answer:
    """Return what the function of that name does; `encryption` says what became of it.

    `unknown`, with a reason, where what has to be asked does not answer.
    """
    resources = payload.get("resources") or ["secrets"]
    try:
        if payload["do"] == "read":
            return read(system, payload.get("path"))
        if payload["do"] == "loaded":
            return {"encryption": "loaded", "hash": _loaded(system)}
        if payload["do"] == "rewrite":
            return rewrite(system, resources)
        if payload["do"] == "prove":
            return prove(system, resources)
    except (ApiError, EtcdError, EditError, OSError, RefusedError) as reason:
        return {"encryption": "unknown", "reason": str(reason)}
    raise ValueError(f"{payload['do']} is nothing that is done with encryption")


def read(system: System, path: str | None) -> Answer:
    """Return {"encryption": "read", "path", "text", "digest", "mode", "uid", "gid", "named", "reloads"}.

    path: the file, None for the one that the API server's manifest names. `absent` with the path, null
    for none, where there is no such file. named: what the manifest names; reloads: whether it has the API
    server read it again. The text holds keys: it is for the caller's process alone.
    Raises OSError, EditError or RefusedError.
    """
    found = encryption_config.configuration(system.api_server_manifest)
    if found is None:
        raise RefusedError(f"there is no {system.api_server_manifest}")
    told: Answer = {"named": found.path, "reloads": found.reloads}
    where = os.path.realpath(path) if path else found.path
    if where is None or not os.path.lexists(where):
        return {"encryption": "absent", "path": where, "reason": "", **told}
    status = fsio.state_of(where, digest=False) or {}
    if status.get("type") != "file" or os.path.getsize(where) > _LARGEST:
        raise RefusedError(f"{where} is no file of at most {_LARGEST} bytes")
    data = fsio.read_file(where)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(f"{where} is no text") from None
    attributes = {key: status[key] for key in ("mode", "uid", "gid")}
    found_here = {"path": where, "text": text, "digest": fsio.digest_of(data), "reason": ""}
    return {"encryption": "read", **found_here, **attributes, **told}


def _loaded(system: System) -> str | None:
    with system.api(ADMIN, own_server(system.api_server_manifest)) as api:
        told = loaded(api).get("encryption")
    return (told.digest or None) if told else None


def rewrite(system: System, resources: list[str]) -> Answer:
    """Return {"encryption": "rewritten", "count", "written"}; see secrets_rewrite. Raises ApiError."""
    with system.api(ADMIN, own_server(system.api_server_manifest)) as api:
        counts = [secrets_rewrite.rewrite(system, api, resource) for resource in resources]
    return {
        "encryption": "rewritten",
        **{key: sum(count[key] for count in counts) for key in ("count", "written")},
    }


def prove(system: System, resources: list[str]) -> Answer:
    """Return {"encryption": "proved", "providers": {beginning: count}}; see secrets_stored.

    Raises EtcdError.
    """
    found: dict[str, int] = {}
    for resource in resources:
        for beginning, count in secrets_stored.providers(system, resource).items():
            found[beginning] = found.get(beginning, 0) + count
    return {"encryption": "proved", "providers": found}
