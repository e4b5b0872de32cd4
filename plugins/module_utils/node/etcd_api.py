# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a member of etcd over its JSON gateway, with the client certificate of kubeadm's health checks.

Numbers of 64 bits are texts there; so are the ids of members, in decimal.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

SECONDS = 5
_LARGEST = 1024 * 1024
_PAGE, _LARGEST_PAGE = 60, 128 * 1024 * 1024
"""Values in one answer, and its bytes: one value has at most 1.5 MiB by default, in base64 here."""
_FAILURES = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError)


class EtcdError(OSError):
    """A member did not answer, or not with what was asked."""


class Credentials(NamedTuple):
    """Paths of the CA of the servers, and of a client's certificate and key."""

    authority: str
    certificate: str
    key: str


class Member(NamedTuple):
    """A member as the cluster lists it; one that never started has no name."""

    id: str
    name: str
    urls: tuple[str, ...]
    """Where its clients find it."""
    learner: bool


class Status(NamedTuple):
    """How a member does."""

    id: str
    leader: str
    """The id of the leader that it knows, "0" for none."""
    logged: int
    """The last entry of its log."""
    applied: int
    """The last entry that its data holds."""
    errors: tuple[str, ...]
    """Alarms, and what it says of itself."""


def client_url(listen: str) -> str:
    """Return, of --listen-client-urls, the one on the node itself."""
    urls = listen.split(",")
    return next((url for url in urls if "//127.0.0.1:" in url or "//localhost:" in url), urls[0])


def health_check(authority: str | None) -> Credentials:
    """Return kubeadm's client of health checks, which lies beside the CA that a member trusts."""
    found = authority or "/etc/kubernetes/pki/etcd/ca.crt"
    place = os.path.join(os.path.dirname(found), "healthcheck-client")
    return Credentials(found, f"{place}.crt", f"{place}.key")


class Etcd:
    """One endpoint of etcd; each question is a connection of its own, and so is a list."""

    def __init__(self, url: str, credentials: Credentials, timeout: float = SECONDS) -> None:
        self._url, self._credentials, self._timeout = url, credentials, timeout

    def members(self) -> list[Member]:
        """Return the members of the cluster, as the majority knows them. Raises EtcdError."""
        answer = self._ask("/v3/cluster/member/list", {"linearizable": True})
        try:
            return [
                Member(
                    each["ID"],
                    each.get("name", ""),
                    tuple(each.get("clientURLs", ())),
                    bool(each.get("isLearner")),
                )
                for each in answer["members"]
            ]
        except _FAILURES as reason:
            raise EtcdError(f"{self._url} lists no members") from reason

    def status(self) -> Status:
        """Return how this member does. Raises EtcdError."""
        answer = self._ask("/v3/maintenance/status", {})
        try:
            return Status(
                answer["header"]["member_id"],
                answer.get("leader", "0"),
                int(answer.get("raftIndex", 0)),
                int(answer.get("raftAppliedIndex", 0)),
                tuple(answer.get("errors", ())),
            )
        except _FAILURES as reason:
            raise EtcdError(f"{self._url} tells no status") from reason

    def move_leader(self, target: str) -> None:
        """Hand leadership over to a member, by its id; only the leader can. Raises EtcdError."""
        self._ask("/v3/maintenance/transfer-leadership", {"targetID": target})

    def values(self, prefix: str) -> Iterator[bytes]:
        """Yield the value of every key that begins with prefix, all as of one moment. Raises EtcdError."""
        first = prefix.encode("utf-8")
        question: dict[str, Any] = {
            "key": _base64(first),
            "range_end": _base64(first[:-1] + bytes((first[-1] + 1,))),
            "limit": _PAGE,
        }
        with self._connected() as connection:
            while True:
                answer = self._post(connection, "/v3/kv/range", question, _LARGEST_PAGE)
                try:
                    found = [
                        (base64.b64decode(each["key"]), base64.b64decode(each.get("value", "")))
                        for each in answer.get("kvs", ())
                    ]
                    question["revision"] = answer["header"]["revision"]
                except _FAILURES as reason:
                    raise EtcdError(f"{self._url} does not list {prefix}") from reason
                for _key, value in found:
                    yield value
                if not answer.get("more") or not found:
                    return
                question["key"] = _base64(found[-1][0] + b"\0")

    def _ask(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        with self._connected() as connection:
            return self._post(connection, path, question, _LARGEST)

    def _post(
        self, connection: http.client.HTTPConnection, path: str, question: dict[str, Any], largest: int
    ) -> dict[str, Any]:
        try:
            body = json.dumps(question).encode("ascii")
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return _answer(response.status, response.read(largest))
        except _FAILURES as reason:
            raise EtcdError(f"{self._url}{path}: {type(reason).__name__}: {reason}") from reason

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        try:
            connection = self._connection()
        except _FAILURES as reason:
            raise EtcdError(f"{self._url}: {type(reason).__name__}: {reason}") from reason
        with closing(connection):
            yield connection

    def _connection(self) -> http.client.HTTPConnection:
        where = urllib.parse.urlsplit(self._url)
        host, port = where.hostname or "", where.port or 2379
        if where.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        context = ssl.create_default_context(cafile=self._credentials.authority)
        context.load_cert_chain(self._credentials.certificate, self._credentials.key)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _answer(status: int, content: bytes) -> dict[str, Any]:
    answer = json.loads(content)
    if not isinstance(answer, dict):
        raise TypeError("an answer that is no object")
    if status != 200:
        raise ValueError(f"{status} {answer.get('message') or answer.get('error')}")
    return answer
