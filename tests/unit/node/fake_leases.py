# SPDX-License-Identifier: Apache-2.0
"""What an API server does with Leases, as far as a lock rests on it: made once, changed only as it was read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.unit.node.api_server import Call

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
LEASE = f"{LEASES}/cksharden"


class FakeLeases:
    """Answers the verbs of one Lease; `before` is called before each call is."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.before: Callable[[Call], object] = lambda _call: None
        self._version = 100
        self._one = threading.Lock()

    def __call__(self, call: Call) -> tuple[int, Any]:
        self.before(call)
        with self._one:
            ways: dict[tuple[str, str], Callable[[Any], tuple[int, Any]]] = {
                ("POST", LEASES): self._create,
                ("GET", LEASE): self._get,
                ("PUT", LEASE): self._replace,
                ("DELETE", LEASE): self._delete,
            }
            way = ways.get((call.method, call.path))
            return way(call.body) if way else (403, status("Forbidden"))

    def _create(self, lease: dict[str, Any]) -> tuple[int, Any]:
        if self.lease is not None:
            return 409, status("AlreadyExists")
        return 201, self._keep(lease, uid=f"uid-{self._version}")

    def _get(self, _body: None) -> tuple[int, Any]:
        return (404, status("NotFound")) if self.lease is None else (200, self.lease)

    def _replace(self, lease: dict[str, Any]) -> tuple[int, Any]:
        if self.lease is None:
            return 404, status("NotFound")
        if lease["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            return 409, status("Conflict")
        return 200, self._keep(lease, uid=self.lease["metadata"]["uid"])

    def _delete(self, options: dict[str, Any]) -> tuple[int, Any]:
        if self.lease is None:
            return 404, status("NotFound")
        for key, wanted in options["preconditions"].items():
            if self.lease["metadata"][key] != wanted:
                return 409, status("Conflict")
        self.lease = None
        return 200, {"kind": "Status", "status": "Success"}

    def _keep(self, lease: dict[str, Any], uid: str) -> dict[str, Any]:
        self._version += 1
        metadata = {**lease["metadata"], "uid": uid, "resourceVersion": str(self._version)}
        self.lease = {**lease, "metadata": metadata}
        return self.lease


def status(reason: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "reason": reason, "message": f"leases: {reason}"}
