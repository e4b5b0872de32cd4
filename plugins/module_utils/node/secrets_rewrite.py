# SPDX-License-Identifier: GPL-3.0-or-later
"""Have an API server write every object of a resource anew, so that its first provider encrypts all of them.

An empty patch: the API server reads the object from etcd and, though nothing changes, writes it where
another provider than the first had read it (GuaranteedUpdate in apiserver/pkg/storage/etcd3). So no value
leaves the API server; of lists and answers only the metadata is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from .kubeapi import Api, ApiError, refusal

if TYPE_CHECKING:
    from .system import System

_PAGE = 100
_ATTEMPTS = 5
_AGAIN = (409, 429, 500, 503, 504)
"""Answers after which the same may succeed: a conflict, too many requests, an etcd that is slow."""
_AS = "application/json;as={};g=meta.k8s.io;v=v1"
_MERGE = "application/merge-patch+json"


def rewrite(system: System, api: Api, resource: str = "secrets") -> dict[str, int]:
    """Return {"count": objects there are, "written": those that were written anew}. Raises ApiError.

    resource: of the core group, in namespaces. What is deleted meanwhile is not counted.
    """
    written = [_write(system, api, resource, *each) for each in _names(api, resource)]
    return {"count": sum(one is not None for one in written), "written": sum(bool(one) for one in written)}


def _names(api: Api, resource: str) -> list[tuple[str, str, str]]:
    """Return namespace, name and version of every object. Raises ApiError."""
    found: list[tuple[str, str, str]] = []
    query: dict[str, Any] = {"limit": _PAGE}
    while True:
        path = f"/api/v1/{resource}?{urlencode(query)}"
        status, page = api.request("GET", path, accept=_AS.format("PartialObjectMetadataList"))
        if status != 200:
            raise ApiError(f"a list of {resource} is answered with {refusal(status, page)}")
        for each in page.get("items") or ():
            metadata = each["metadata"]
            found.append((metadata["namespace"], metadata["name"], metadata.get("resourceVersion", "")))
        more = (page.get("metadata") or {}).get("continue")
        if not more:
            return found
        query["continue"] = more


def _write(system: System, api: Api, resource: str, namespace: str, name: str, version: str) -> bool | None:
    """Return whether an object was written, None where it is gone. Raises ApiError."""
    path = f"/api/v1/namespaces/{quote(namespace)}/{resource}/{quote(name)}"
    told = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            system.sleep(2 ** (attempt - 1))
        try:
            status, answer = api.request(
                "PATCH", path, {}, _MERGE, accept=_AS.format("PartialObjectMetadata")
            )
        except ApiError as reason:
            told = f"not answered ({reason})"
            continue
        if status == 404:
            return None
        if status == 200:
            return bool((answer.get("metadata") or {}).get("resourceVersion") != version)
        told = f"answered with {refusal(status, answer)}"
        if status not in _AGAIN:
            break
    raise ApiError(f"writing {namespace}/{name} of {resource} is {told}")
