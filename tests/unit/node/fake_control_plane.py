# SPDX-License-Identifier: Apache-2.0
"""A control plane: real manifests in a tree, and a kubelet that runs them in virtual time."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node import kubeapi
from ansible_collections.cksharden.node.plugins.module_utils.node.etcd_api import (
    Credentials,
    Etcd,
    EtcdError,
    Member,
    Status,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import state_of
from ansible_collections.cksharden.node.plugins.module_utils.node.manifest_pod import Probe, read_pod
from ansible_collections.cksharden.node.plugins.module_utils.node.system import PodProcess
from tests.unit.node.fake_system import FakeSystem
from tests.unit.node.fakes import RUN, FakeNode
from tests.unit.node.manifests import API_SERVER, ETCD, small

MANIFESTS = "etc/kubernetes/manifests"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
BAD = "--profiling=false"
RESTART = 5
READY = 3


class ControlPlaneSystem(FakeSystem):
    """A kubelet that starts each changed manifest anew after RESTART seconds, ready after READY.

    What is wrong with a component whose manifest holds BAD is bad[component]: dies, dies_later,
    absent, unready, slow. `api` and `kubelet` switch those off; `members` are etcd's names,
    `images` those that the node has.
    """

    _read: tuple[Any, dict[str, Any]] = (), {}

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.set(pods={}, bad={}, api=True, members=["w1"], leader="w1", moved=[], behind=0, restarts=0)
        self.set(images=["registry.k8s.io/kube-apiserver:v1.37.2", "registry.k8s.io/etcd:3.7.0-0"])
        self.set(max_images=50)
        self._run()
        self.set(now=self.get("now") + 1000)

    def get(self, key: str) -> Any:
        status = self._file.stat()  # another process may have written it
        if self._read[0] != (status.st_mtime_ns, status.st_ino):
            self._read = (status.st_mtime_ns, status.st_ino), json.loads(self._file.read_text())
        return self._read[1][key]

    def set(self, **values: Any) -> None:
        self._read = (), {}
        super().set(**values)

    def sleep(self, seconds: float) -> None:
        for _second in range(int(seconds)):
            super().sleep(1)
            self._run()

    def _run(self) -> None:
        """Do what a kubelet does when it looks at its directory."""
        if not self.get("runs"):
            return
        pods, now = self.get("pods"), self.get("now")
        for name in COMPONENTS:
            data = (self.root / MANIFESTS / f"{name}.yaml").read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if pods.get(name, {}).get("digest") != digest:
                begun = now + RESTART if name in pods else now
                words = list(read_pod(data, name).words)
                pods[name] = {
                    "digest": digest,
                    "started": begun,
                    "words": words,
                    "number": len(pods) + int(now),
                }
        self.set(pods=pods)

    def systemctl(self, *words: str, patience: float = 60) -> str:
        if words[0] == "restart":
            self.set(restarts=self.get("restarts") + 1)
        return super().systemctl(*words, patience=patience)

    def reboot(self) -> None:
        super().reboot()
        self.set(pods={}, runs=True)
        self._run()

    def _wrong(self, name: str) -> str:
        pod = self.get("pods")[name]
        return str(self.get("bad").get(name, "")) if BAD in pod["words"] else ""

    def _age(self, name: str) -> float:
        return float(self.get("now") - self.get("pods")[name]["started"])

    def pod_processes(self, name: str) -> list[PodProcess]:
        pod, age, wrong = self.get("pods")[name], self._age(name), self._wrong(name)
        start, life = 0, 10**9
        if wrong == "dies":
            start, life = int(age // 12), 1
        elif wrong == "dies_later":
            start, life = int(age // 25), 10**9
        if age < 0 or wrong == "absent" or (wrong == "dies" and age % 12 >= life):
            return []
        begun = pod["started"] + start * 12
        container = hashlib.sha256(f"{pod['number']}{name}{start}".encode()).hexdigest()
        number = pod["number"] * 100 + COMPONENTS.index(name) * 10 + start
        return [PodProcess(number, int(begun * 100), tuple(pod["words"]), container)]

    def pod_logs(self, component: str) -> list[str]:
        pod, age = self.get("pods")[component], self._age(component)
        starts = 0 if age < 0 else int(age // 12) + 1 if self._wrong(component) == "dies" else 1
        return [f"{pod['digest']}/{number}.log" for number in range(starts)]

    def pod_error_line(self, component: str, since: float, about: str = "") -> str | None:
        return f"Error: unknown flag: {BAD}" if self._wrong(component).startswith("dies") else None

    def error_line(self, unit: str, since: float, about: str = "") -> str | None:
        return f"E1123 failed to start {about}" if about else super().error_line(unit, since)

    def is_well(self, name: str) -> bool:
        ill = self._wrong(name) in ("unready", "dies")
        return bool(self.pod_processes(name)) and self._age(name) >= READY and not ill

    def probe(self, probe: Probe) -> str:
        name = COMPONENTS[[2381, 6443, 10257, 10259].index(probe.port)]
        return "" if self.is_well(name) else f"{probe.name} of {name} is answered with 500"

    def api(self, kubeconfig: str, server: str) -> kubeapi.Api:
        if not (self.get("api") and self.is_well("kube-apiserver") and self.is_well("etcd")):
            raise kubeapi.ApiError("ConnectionRefusedError: refused")
        return FakeApi(self)

    def etcd(self, url: str, credentials: Credentials) -> Etcd:
        return FakeEtcd(self, url, credentials)


class FakeApi(kubeapi.Api):
    """What a gate asks of an API server."""

    def __init__(self, system: ControlPlaneSystem) -> None:
        self._fake = system

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "", accept: str = ""
    ) -> tuple[int, dict[str, Any]]:
        name = path.rpartition("/")[2]
        if method == "POST":
            return 201, {}
        if "/nodes/" in path:
            if name == "configz":
                return 200, {"kubeletconfig": {"nodeStatusMaxImages": self._fake.get("max_images")}}
            return 200, {"status": {"images": [{"names": self._fake.get("images")}]}}
        if "/leases/" in path:
            now = self._fake.get("now") if self._fake.is_well(name) else 0
            return 200, {"spec": {"renewTime": f"{now // 2}"}}
        if "/pods/" in path:
            name = name.removesuffix("-w1")
            container = {
                "containerID": f"containerd://{self._fake.pod_processes(name)[0].container}",
                "ready": self._fake.is_well(name),
                "started": True,
            }
            return 200, {"status": {"containerStatuses": [container]}}
        return 200, {"items": []}

    def close(self) -> None:
        """Nothing is open."""


class FakeEtcd(Etcd):
    """A member of etcd by its URL."""

    def __init__(self, system: ControlPlaneSystem, url: str, credentials: Credentials) -> None:
        super().__init__(url, credentials)
        self._fake = system
        host = url.rpartition("//")[2].split(":")[0]
        self._name = "w1" if host == "127.0.0.1" else host

    def members(self) -> list[Member]:
        self.status()
        return [Member(name, name, (f"https://{name}:2379",), False) for name in self._fake.get("members")]

    def status(self) -> Status:
        down = self._name in self._fake.get("bad").get("members", "")
        if down or (self._name == "w1" and not self._fake.is_well("etcd")):
            raise EtcdError("refused")
        behind = self._fake.get("behind") if self._name == "w1" else 0
        return Status(self._name, self._fake.get("leader"), 100, 100 - behind, ())

    def move_leader(self, target: str) -> None:
        self._fake.set(leader=target, moved=[*self._fake.get("moved"), target])


class ControlPlane(FakeNode):
    """A node with the four manifests, and a transaction that changes options of them."""

    system: ControlPlaneSystem

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / MANIFESTS).mkdir()
        for name, data in (
            ("etcd", ETCD),
            ("kube-apiserver", API_SERVER),
            ("kube-controller-manager", small("kube-controller-manager", "--leader-elect=true")),
            ("kube-scheduler", small("kube-scheduler")),
        ):
            self.write(f"{MANIFESTS}/{name}.yaml", data, 0o600)
        self.system = ControlPlaneSystem(root)
        self.before = self.snapshot()

    def manifest(self, name: str) -> str:
        return self.path(f"{MANIFESTS}/{name}.yaml")

    def transaction(
        self, run: str = RUN, role: str = "static_pods", changed: tuple[str, ...] = COMPONENTS
    ) -> dict[str, Any]:
        policy = self.path("etc/kubernetes/audit.yaml")
        write = {"op": "write", "content": "rules: []\n"}
        meta = {"mode": "0600", "uid": 0, "gid": 0}
        changes: list[dict[str, Any]] = [
            {"path": policy, "action": "edit", "edits": [write], "create": meta, "ground": None}
        ]
        for name in changed:
            item = {"option": "profiling", "value": "false"}
            edit = {"op": "manifest", "component": name, "items": [item]}
            path = self.manifest(name)
            changes.append({"path": path, "action": "edit", "edits": [edit], "ground": state_of(path)})
        return {
            "format": "cksharden-transaction",
            "schema": "1.0",
            "kind": "apply",
            "run": run,
            "role": role,
            "host": "w1",
            "changes": changes,
            "daemon_reload": False,
            "restart": "static_pods",
            "gate": {
                "directory": self.path(MANIFESTS),
                "manifests": {name: self.manifest(name) for name in COMPONENTS},
                "window": 60,
            },
        }

    def directory(self, run: str = RUN, role: str = "static_pods") -> str:
        return super().directory(run, role)

    def run(self, run: str = RUN, role: str = "static_pods") -> dict[str, Any]:
        return super().run(run, role)

    def records(self, run: str = RUN, role: str = "static_pods") -> list[dict[str, Any]]:
        return super().records(run, role)

    def closed(self, run: str = RUN, role: str = "static_pods") -> dict[str, Any]:
        return super().closed(run, role)

    def assert_planned(self) -> None:
        self.assert_nothing_left()
        for name in COMPONENTS:
            assert BAD in read_pod(Path(self.manifest(name)).read_bytes(), name).words
            assert BAD in self.system.pod_processes(name)[0].argv
        assert sorted(os.listdir(self.path(MANIFESTS))) == [f"{name}.yaml" for name in COMPONENTS]

    def assert_before(self) -> None:
        self.assert_nothing_left()
        assert self.snapshot() == self.before
