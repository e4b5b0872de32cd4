# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and replace the ClusterConfiguration of the ConfigMap kubeadm-config at this node's own API server."""

from __future__ import annotations

from typing import Any

from . import kubeapi
from .kubeapi import Api, ApiError, refusal

_PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
_KEY = "ClusterConfiguration"

Answer = dict[str, Any]


def main(payload: dict[str, Any]) -> Answer:
    """Do payload["do"]: `read`, or `write` (version, text). The answer's `config` says what became of it.

    `unknown`, with a reason, where the API server can't be asked; else see these functions.
    """
    try:
        with Api(kubeapi.ADMIN, kubeapi.own_server()) as api:
            if payload["do"] == "write":
                return write(api, payload["version"], payload["text"])
            return read(api)
    except ApiError as reason:
        return {"config": "unknown", "reason": str(reason)}


def read(api: Api) -> Answer:
    """Return {"config": "read", "version", "text"}. Raises ApiError."""
    found = api.get(_PATH)
    try:
        text, version = found["data"][_KEY], found["metadata"]["resourceVersion"]
    except (KeyError, TypeError) as reason:
        raise ApiError(f"kubeadm-config holds no {_KEY}") from reason
    return {"config": "read", "version": str(version), "text": str(text)}


def write(api: Api, version: str, text: str) -> Answer:
    """Return {"config": "written"}, or "moved" where it is no longer the one of that version.

    Raises ApiError.
    """
    patch = {"metadata": {"resourceVersion": version}, "data": {_KEY: text}}
    status, answer = api.request("PATCH", _PATH, patch, "application/merge-patch+json")
    if status == 409:
        # Also the answer to a request that came through, when its own answer was lost and it was sent again.
        now = read(api)
        return {"config": "written" if now["text"] == text else "moved"}
    if status != 200:
        raise ApiError(f"PATCH {_PATH} is answered with {refusal(status, answer)}")
    return {"config": "written"}
