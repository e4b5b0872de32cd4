# SPDX-License-Identifier: Apache-2.0
"""Somebody who needs the API server all the time: each of several endpoints is asked every half second.

An answer is a list that needs the quorum of etcd and a write in dry run, both on one new connection,
within SECONDS. Where that fails it is tried once more at once, on another connection, as clients do.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml
from lab import testing

EVERY = 0.5
SECONDS = 5
_LIST = "/api/v1/namespaces/kube-system/configmaps?limit=1"
_WRITE = "/api/v1/namespaces/kube-system/configmaps?dryRun=All"
_BODY = json.dumps(
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "cksharden-prober-"}}
)


@dataclass(frozen=True)
class Asked:
    """One question to an endpoint, and what was wrong with the first and the second answer; "" for nothing."""

    endpoint: str
    begun: float
    """Seconds of the epoch."""
    ended: float
    first: str
    again: str = ""


class Prober:
    """Asks endpoints, by their names, from `with` to its end; `asked` is what came of it."""

    def __init__(self, endpoints: dict[str, str], directory: Path) -> None:
        """Take {name: address}; the administrator's certificate lies in the directory meanwhile."""
        self.asked: list[Asked] = []
        self._endpoints = endpoints
        self._context = _context(directory)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for name in self._endpoints:
            thread = threading.Thread(target=self._ask_on, args=(name,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(4 * SECONDS)

    def failures(self, names: Iterable[str], *, retried: bool) -> list[Asked]:
        """Return what some endpoints failed to answer; with retried, only where the second try failed too."""
        wanted = set(names)
        found = [one for one in self.asked if one.endpoint in wanted and one.first]
        return sorted(
            (one for one in found if one.again or not retried), key=lambda one: (one.endpoint, one.begun)
        )

    def _ask_on(self, name: str) -> None:
        # A question that takes long keeps nobody from asking the next one.
        with ThreadPoolExecutor(max_workers=int(3 * SECONDS / EVERY)) as pool:
            while not self._over.wait(EVERY):
                pool.submit(self._ask_twice, name)

    def _ask_twice(self, name: str) -> None:
        begun = time.time()
        first = self._ask(name)
        again = self._ask(name) if first else ""
        self.asked.append(Asked(name, begun, time.time(), first, again))

    def _ask(self, name: str) -> str:
        begun = time.monotonic()
        connection = http.client.HTTPSConnection(
            self._endpoints[name], 6443, timeout=SECONDS, context=self._context
        )
        try:
            for method, path, body, expected in (("GET", _LIST, None, 200), ("POST", _WRITE, _BODY, 201)):
                connection.request(method, path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != expected:
                    return f"{method} is answered with {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        took = time.monotonic() - begun
        return "" if took < SECONDS else f"it took {took:.1f} s"


def _context(directory: Path) -> ssl.SSLContext:
    """Return how the lab's administrator connects, who checks who answers."""
    told = yaml.safe_load(testing.run("cp1", ["cat", "/etc/kubernetes/admin.conf"]).stdout)
    cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    pair = directory / "admin.pem"
    pair.touch(0o600)
    pair.write_bytes(
        base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
    )
    context = ssl.create_default_context(cadata=authority)
    context.load_cert_chain(pair)
    pair.unlink()
    return context
