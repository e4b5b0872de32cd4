# SPDX-License-Identifier: GPL-3.0-or-later
"""What a control plane's own API server says of the cluster, asked with the credentials of admin.conf."""

from __future__ import annotations

import queue
import threading
import time
import urllib.parse
from typing import Any

from . import cluster_lock
from .kubeapi import ADMIN, MANIFEST, Api, ApiError, own_server, ready_condition, refusal
from .redact import redact, redact_data
from .text import one_line

Data = dict[str, Any]

_AT_A_TIME = 16
_SECONDS = 3
"""Patience with one kubelet; it is asked through the API server."""
_SECONDS_IN_ALL = 60
_PAGE = 100
"""Objects of one answer: a Node with its images may have 20 KB."""
_CONFIGZ = 256 * 1024
"""Bytes of one kubelet's answer, which has 6 KB; a kubelet may be somebody else's by now."""
_CONFIGZ_IN_ALL = 8 * 1024 * 1024
_SYSTEM = "/api/v1/namespaces/kube-system"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_HASH = "kubernetes.io/config.hash"


def collect(request: Data) -> Data:
    """Return the cluster section. Raises ApiError where the API server does not answer it all."""
    server = own_server(MANIFEST)
    limit = int(request["limits"]["file_bytes"])
    with Api(ADMIN, server) as api:
        try:
            lock = cluster_lock.look(api)
            data: Data = {
                "server": server,
                "kubelet_config": _config_map(api, "kubelet-config", "kubelet", limit),
                "kubeadm_config": _config_map(api, "kubeadm-config", "ClusterConfiguration", limit),
                "nodes": [_node(each) for each in _list(api, "/api/v1/nodes")],
                "static_pods": _static_pods(api),
                "lease": {"holder": lock["holder"]} if lock["lock"] == "held" else None,
            }
        except (KeyError, TypeError, AttributeError) as reason:
            raise ApiError(f"an object without {reason}") from reason
    data["configz"] = ask_kubelets(server, [node["name"] for node in data["nodes"]])
    return data


def _config_map(api: Api, name: str, key: str, limit: int) -> Data | None:
    found = _get(api, f"{_SYSTEM}/configmaps/{name}")
    text = ((found or {}).get("data") or {}).get(key)
    if found is None or text is None:
        return None
    if len(text) > limit:
        raise ApiError(f"the ConfigMap {name} has more than {limit} characters")
    return {"resource_version": found["metadata"]["resourceVersion"], "text": redact(text)[0]}


def _node(node: Data) -> Data:
    metadata = node["metadata"]
    return {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "ready": ready_condition(node).get("status") == "True",
        "kubelet_version": node["status"]["nodeInfo"]["kubeletVersion"],
        "control_plane": _CONTROL_PLANE in (metadata.get("labels") or {}),
        "address": _internal_address(node),
    }


def _internal_address(node: Data) -> Any:
    addresses = node["status"].get("addresses") or ()
    return next((one["address"] for one in addresses if one["type"] == "InternalIP"), None)


def _static_pods(api: Api) -> list[Data]:
    """Return the mirror pods of kubeadm's manifests; uid is the one that the kubelet runs them under."""
    pods = _list(api, f"{_SYSTEM}/pods", labelSelector="tier=control-plane")
    return [
        {
            "name": pod["metadata"]["name"],
            "node": pod["spec"]["nodeName"],
            "uid": pod["metadata"]["annotations"][_HASH],
            "ready": ready_condition(pod).get("status") == "True",
        }
        for pod in pods
        if _HASH in (pod["metadata"].get("annotations") or {})
    ]


def _get(api: Api, path: str) -> Data | None:
    status, found = api.request("GET", path)
    if status not in (200, 404):
        raise ApiError(f"GET {path} is answered with {refusal(status, found)}")
    return found if status == 200 else None


def _list(api: Api, path: str, **query: str) -> list[Data]:
    items: list[Data] = []
    following: dict[str, str] = {}
    while True:
        words = urllib.parse.urlencode({**query, "limit": str(_PAGE), **following})
        page = api.get(f"{path}?{words}")
        items += page["items"]
        following = {"continue": page["metadata"].get("continue") or ""}
        if not following["continue"]:
            return items


def ask_kubelets(server: str, names: list[str]) -> dict[str, Data]:
    """Return {"config": KubeletConfiguration} or {"error": reason} for each node."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[str, Data, int]] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    for _number in range(min(_AT_A_TIME, len(names))):
        # A daemon: one that hangs must not keep the program from its end.
        threading.Thread(target=_ask_each, args=(server, waiting, answers), daemon=True).start()
    deadline, room = time.monotonic() + _SECONDS_IN_ALL, _CONFIGZ_IN_ALL
    found: dict[str, Data] = {}
    while len(found) < len(names):
        try:
            name, answer, size = answers.get(timeout=max(0.001, deadline - time.monotonic()))
        except queue.Empty:
            break
        room -= size
        found[name] = answer if room >= 0 else {"error": "the kubelets said too much in all"}
    late = {"error": f"it was not asked within {_SECONDS_IN_ALL} s"}
    return {name: found.get(name, late) for name in names}


def _ask_each(
    server: str, waiting: queue.SimpleQueue[str], answers: queue.SimpleQueue[tuple[str, Data, int]]
) -> None:
    with Api(ADMIN, server, _SECONDS, _CONFIGZ) as api:
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                config = _configz(api, name)
                answers.put((name, {"config": config}, len(str(config))))
            except (ApiError, ValueError) as reason:
                answers.put((name, {"error": one_line(redact(str(reason))[0])}, 0))


def _configz(api: Api, name: str) -> Any:
    found = api.get(f"/api/v1/nodes/{urllib.parse.quote(name, safe='')}/proxy/configz")
    if not isinstance(found.get("kubeletconfig"), dict):
        raise ApiError("its configz holds no kubeletconfig")
    return redact_data(found["kubeletconfig"])
