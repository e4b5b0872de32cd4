# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and replace the ClusterConfiguration of the ConfigMap kubeadm-config at this node's own API server.

What a run replaces the node keeps below BASE/<run>/kubeadm_config, before it asks for the change: both
texts may hold secrets, so they are root's alone, and a rollback needs nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from . import fsio, kubeapi, store
from .kubeapi import Api, ApiError, refusal

PLACE = "kubeadm_config"
_FILE = "kept.json"
_PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
_KEY = "ClusterConfiguration"
_PLANES = "/api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fcontrol-plane"
"""kubeadm puts that label on each (phases/markcontrolplane)."""
_PATIENCE = 15
"""Seconds for a transaction of this node that has just ended to give up its lock."""

Answer = dict[str, Any]


def main(payload: dict[str, Any]) -> Answer:
    """Do payload["do"]: read, planes, kept (run), or write (run, version, before, after; of: a run kept too).

    The answer's `config` says what became of it: `unknown`, with a reason, where the API server can't be
    asked; else see these functions.
    """
    if payload["do"] == "kept":
        return kept(store.BASE, payload["run"])
    try:
        with Api(kubeapi.ADMIN, kubeapi.own_server()) as api:
            if payload["do"] == "write":
                return write(api, store.BASE, payload)
            return planes(api) if payload["do"] == "planes" else read(api)
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


def planes(api: Api) -> Answer:
    """Return {"config": "planes", "planes"}: the names of the control planes' Nodes. Raises ApiError."""
    try:
        names = [node["metadata"]["name"] for node in api.get(_PLANES)["items"]]
    except (KeyError, TypeError) as reason:
        raise ApiError("the list of control planes is not understood") from reason
    return {"config": "planes", "planes": sorted(names)}


def kept(base: str, run: str) -> Answer:
    """Return {"config": "kept", "before", "after"} of a run, or {"config": "none", "known": bool}.

    known: whether the run changed static pods of this node.
    """
    try:
        found = store.read_json(store.directory(base, run, PLACE), _FILE)
        return {"config": "kept", "before": str(found["before"]), "after": str(found["after"])}
    except FileNotFoundError:
        return {"config": "none", "known": os.path.isdir(store.directory(base, run, "static_pods"))}


def write(api: Api, base: str, wanted: dict[str, Any]) -> Answer:
    """Return {"config": "written"}, or "moved" where it is no longer the one of wanted["version"].

    "refused", with a reason, where the node can't keep the text that goes. Raises ApiError.
    """
    try:
        _keep(base, wanted)
    except (store.LockedError, OSError) as reason:
        return {"config": "refused", "reason": str(reason)}
    patch = {"metadata": {"resourceVersion": wanted["version"]}, "data": {_KEY: wanted["after"]}}
    status, answer = api.request("PATCH", _PATH, patch, "application/merge-patch+json")
    if status == 409:
        # Also the answer to a request that came through, when its own answer was lost and it was sent again.
        now = read(api)
        return {"config": "written" if now["text"] == wanted["after"] else "moved"}
    if status != 200:
        raise ApiError(f"PATCH {_PATH} is answered with {refusal(status, answer)}")
    return {"config": "written"}


def _keep(base: str, wanted: dict[str, Any]) -> None:
    """Have both texts on disk, and the whole of what the run has changed so far. Raises OSError."""
    run, before = wanted["run"], wanted["before"]
    directory = store.directory(base, run, PLACE)
    store.make_base(base)
    with store.locked(base, _PATIENCE):
        store.prune(base, {run, wanted.get("of", "")})
        earlier = kept(base, run)
        if earlier["config"] == "kept" and earlier["after"] == before:
            before = earlier["before"]
        told = {"run": run, "version": wanted["version"], "before": before, "after": wanted["after"]}
        data = json.dumps(told, indent=1).encode("ascii")
        if fsio.free_bytes(base) < fsio.KEPT_FREE + len(data):
            raise OSError(f"no room on the filesystem of {base} to keep what kubeadm-config says now")
        for place in (os.path.dirname(directory), directory):
            with contextlib.suppress(FileExistsError):
                os.mkdir(place, 0o700)
        new = os.path.join(directory, f".{_FILE}")
        fsio.remove_file(new)
        fsio.write_new(new, data)
        os.rename(new, os.path.join(directory, _FILE))
        for place in (directory, os.path.dirname(directory), base):
            fsio.sync_directory(place)
