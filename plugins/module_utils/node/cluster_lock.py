# SPDX-License-Identifier: GPL-3.0-or-later
"""One run per cluster: a Lease that a control plane makes and removes at its own API server.

It does not expire. Who holds it is a JSON object in its annotation; what makes it sure is the API
server's: an object is created once, and replaced or deleted only as the one that was read.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from . import kubeapi
from .kubeapi import Api, ApiError, refusal

NAME = "cksharden"
ANNOTATION = "cksharden-holder"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
_LEASE = f"{_LEASES}/{NAME}"
_TRIES = 5
"""Times that a Lease is read again when it has changed meanwhile."""

Holder = dict[str, Any]
Answer = dict[str, Any]


def main(payload: dict[str, Any]) -> Answer:
    """Do payload["do"], `look`, `take` (holder, over) or `give_back` (run), at this node's own API server.

    The answer's `lock` is `unknown`, with a reason, where that can't be asked; else see these functions.
    """
    try:
        with Api(kubeapi.ADMIN, kubeapi.own_server()) as api:
            if payload["do"] == "take":
                return take(api, payload["holder"], payload.get("over"))
            if payload["do"] == "give_back":
                return give_back(api, payload["run"])
            return look(api)
    except ApiError as reason:
        return {"lock": "unknown", "reason": str(reason)}


def look(api: Api) -> Answer:
    """Return {"lock": "held", "holder", "version"}, or {"lock": "absent"}. Raises ApiError."""
    current = _read(api)
    return {"lock": "absent"} if current is None else _held(current)


def take(api: Api, holder: Holder, over: str | None = None) -> Answer:
    """Return {"lock": "taken"}, or "held" (see look) where somebody else has it.

    holder: who takes it, with its `run` and `host`. over: the version of a Lease that may be taken over;
    one that has changed since is held. Raises ApiError.
    """
    for _try in range(_TRIES):
        status, found = api.request("POST", _LEASES, _lease(holder))
        if status == 201:
            return {"lock": "taken"}
        if status != 409:
            raise ApiError(f"POST {_LEASES} is answered with {refusal(status, found)}")
        current = _read(api)
        if current is None:
            continue  # given back just now
        if _written(current) == holder:
            return {"lock": "taken"}  # by a request whose answer was lost
        if over is None or current["metadata"].get("resourceVersion") != over:
            return _held(current)
        status, found = api.request("PUT", _LEASE, _lease(holder, over))
        if status == 200:
            return {"lock": "taken"}
        if status not in (404, 409):
            raise ApiError(f"PUT {_LEASE} is answered with {refusal(status, found)}")
    raise ApiError(f"the Lease {NAME} changed {_TRIES} times while it was asked for")


def give_back(api: Api, run: str) -> Answer:
    """Return {"lock": "removed", "holder"}, {"lock": "absent"}, or "held" (see look) by another run.

    Raises ApiError.
    """
    for _try in range(_TRIES):
        current = _read(api)
        if current is None:
            return {"lock": "absent"}
        holder = holder_of(current)
        if holder["run"] != run:
            return _held(current)
        as_read = {key: current["metadata"].get(key) for key in ("uid", "resourceVersion")}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": as_read}
        status, found = api.request("DELETE", _LEASE, options)
        if status == 200:
            return {"lock": "removed", "holder": holder}
        if status not in (404, 409):
            raise ApiError(f"DELETE {_LEASE} is answered with {refusal(status, found)}")
    raise ApiError(f"the Lease {NAME} changed {_TRIES} times while it was being removed")


def _held(lease: dict[str, Any]) -> Answer:
    return {"lock": "held", "holder": holder_of(lease), "version": lease["metadata"].get("resourceVersion")}


def holder_of(lease: dict[str, Any]) -> Holder:
    """Return who holds a Lease: run, host, machine, boot, namespace, pid, start, since.

    What is missing, or no holder of ours, is empty; `run` is then what the Lease says instead.
    """
    spec = lease.get("spec") or {}
    written = _written(lease)
    if not written:
        written = {"run": spec.get("holderIdentity")}
    words = {key: str(written.get(key) or "") for key in ("run", "host", "machine", "boot", "namespace")}
    numbers = {key: _number(written.get(key)) for key in ("pid", "start")}
    return {**words, **numbers, "since": str(spec.get("acquireTime") or "")}


def _written(lease: dict[str, Any]) -> Holder:
    """Return the annotation as it was written, empty where it is none of ours."""
    annotations = lease["metadata"].get("annotations") or {}
    try:
        written = json.loads(str(annotations.get(ANNOTATION)))
    except (ValueError, RecursionError):
        return {}
    return written if isinstance(written, dict) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _read(api: Api) -> dict[str, Any] | None:
    status, found = api.request("GET", _LEASE)
    if status == 404:
        return None
    if status != 200 or not isinstance(found.get("metadata"), dict):
        raise ApiError(f"GET {_LEASE} is answered with {refusal(status, found)}")
    return found


def _lease(holder: Holder, version: str | None = None) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    metadata: dict[str, Any] = {
        "name": NAME,
        "namespace": "kube-system",
        "annotations": {ANNOTATION: json.dumps(holder, sort_keys=True)},
    }
    if version is not None:
        metadata["resourceVersion"] = version
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": holder["run"], "acquireTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    }
