# SPDX-License-Identifier: Apache-2.0
"""A control plane whose API server encrypts: it reads its file again once a minute, and etcd holds values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.etcd_api import Credentials, Etcd
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import digest_of, state_of
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import Api
from tests.unit.node.fake_control_plane import MANIFESTS, ControlPlane, ControlPlaneSystem, FakeApi, FakeEtcd
from tests.unit.node.fakes import RUN
from tests.unit.node.manifests import API_SERVER

FILE = "etc/kubernetes/encryption.yaml"
KEY, OTHER = "k8s:enc:secretbox:v1:key1", "k8s:enc:secretbox:v1:key2"
IDENTITY: dict[str, Any] = {"identity": {}}
AFTER = b"    - --allow-privileged=true\n"


def secretbox(*names: str) -> dict[str, Any]:
    return {"secretbox": {"keys": [{"name": name, "secret": f"of {name}"} for name in names]}}


def config(*providers: dict[str, Any], resource: str = "secrets") -> str:
    entry = {"resources": [resource], "providers": list(providers)}
    return json.dumps({"kind": "EncryptionConfiguration", "resources": [entry]})


ROUND_1, ROUND_2 = config(IDENTITY, secretbox("key1")), config(secretbox("key1"), IDENTITY)


class EncryptionSystem(ControlPlaneSystem):
    """`stored` counts how values in etcd begin; `loaded` is the digest of what the API server has read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.set(stored={"identity": 3}, refused=0, polls=True, next_poll=self.get("now") + 60, etcd=True)
        self.set(loaded=self._digest(), began=self._start())

    def _digest(self) -> str:
        file = self.root / FILE
        return digest_of(file.read_bytes()) if file.exists() else ""

    def _start(self) -> int:
        return int(self.get("pods")["kube-apiserver"]["number"])

    def sleep(self, seconds: float) -> None:
        for _second in range(int(seconds)):
            super().sleep(1)
            self._poll()

    def reboot(self) -> None:
        super().reboot()
        self._poll()

    def _poll(self) -> None:
        """Do what an API server does: at its start, and then once a minute."""
        if self._start() != self.get("began"):
            self.set(began=self._start(), loaded=self._digest(), refused=0)
        if not self.get("polls") or self.get("now") < self.get("next_poll"):
            return
        self.set(next_poll=self.get("now") + 60)
        if b"EncryptionConfiguration" in (self.root / FILE).read_bytes():
            self.set(loaded=self._digest())
        else:
            self.set(refused=self.get("refused") + 9)

    def pod_error_line(self, component: str, since: float, about: str = "") -> str | None:
        if about and self.get("refused"):
            return f"E1123 error processing {about} config file"
        return super().pod_error_line(component, since)

    def api(self, kubeconfig: str, server: str) -> Api:
        super().api(kubeconfig, server)
        return MetricsApi(self)

    def etcd(self, url: str, credentials: Credentials) -> Etcd:
        return StoredEtcd(self, url, credentials)


class MetricsApi(FakeApi):
    """Tells what is loaded, as 1.37.2 does."""

    def lines(self, path: str, largest: int) -> Iterator[bytes]:
        assert path == "/metrics"
        name, who = "apiserver_encryption_config_controller", 'apiserver_id_hash="sha256:aa"'
        yield b"# TYPE apiserver_request_total counter"
        if self._fake.get("refused"):
            counted = f"{self._fake.get('refused')}"
            yield f'{name}_automatic_reloads_total{{{who},status="failure"}} {counted}'.encode()
        if self._fake.get("loaded"):
            yield f'{name}_last_config_info{{{who},hash="{self._fake.get("loaded")}"}} 1'.encode()


class StoredEtcd(FakeEtcd):
    """Holds values that begin as `stored` says."""

    def values(self, prefix: str) -> Iterator[bytes]:
        assert prefix == "/registry/secrets/"
        self.status()
        for beginning, count in self._fake.get("stored").items():
            for _number in range(count):
                yield b"k8s\0\n" if beginning == "identity" else f"{beginning}:\0:".encode()


class EncryptionPlane(ControlPlane):
    """A control plane in round 1: its API server names the file, and reads it again."""

    system: EncryptionSystem

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        named = f"    - --encryption-provider-config={root / FILE}\n"
        again = "    - --encryption-provider-config-automatic-reload=true\n"
        words = AFTER + named.encode() + again.encode()
        self.write(f"{MANIFESTS}/kube-apiserver.yaml", API_SERVER.replace(AFTER, words), 0o600)
        self.write(FILE, ROUND_1.encode(), 0o600)
        self.system = EncryptionSystem(root)
        self.before = self.snapshot()

    def round(self, text: str = ROUND_2, run: str = RUN, role: str = "encryption_2") -> dict[str, Any]:
        """Return the transaction that writes a configuration."""
        path = self.path(FILE)
        change = {
            "path": path,
            "action": "edit",
            "edits": [{"op": "write", "content": text}],
            "ground": state_of(path),
        }
        return {
            "format": "cksharden-transaction",
            "schema": "1.0",
            "kind": "apply",
            "run": run,
            "role": role,
            "host": "w1",
            "changes": [change],
            "daemon_reload": False,
            "restart": "encryption",
            "gate": {"path": path},
        }

    def directory(self, run: str = RUN, role: str = "encryption_2") -> str:
        return super().directory(run, role)

    def run(self, run: str = RUN, role: str = "encryption_2") -> dict[str, Any]:
        return super().run(run, role)

    def records(self, run: str = RUN, role: str = "encryption_2") -> list[dict[str, Any]]:
        return super().records(run, role)

    def closed(self, run: str = RUN, role: str = "encryption_2") -> dict[str, Any]:
        return super().closed(run, role)

    def text(self) -> str:
        return (self.root / FILE).read_text()

    def assert_round(self, text: str = ROUND_2) -> None:
        """The configuration is this one, nothing else has changed, and the API server runs with it."""
        self.assert_nothing_left()
        now, before = self.snapshot(), dict(self.before)
        assert now.pop(FILE) | {"mtime": 0} == before.pop(FILE) | {"data": text.encode(), "mtime": 0}
        assert now == before
        assert self.system.get("loaded") == digest_of(text.encode())
