# SPDX-License-Identifier: Apache-2.0
"""What a node is besides its files: faked, in virtual time, and kept on disk.

Its state outlives the process, so an agent can be killed and started again on it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node import gate, kubeapi
from ansible_collections.cksharden.node.plugins.module_utils.node.system import Process, System, UnitState

EPOCH = 1_800_000_000.0
ARGV = ("/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml")


class FakeSystem(System):
    """systemd, one kubelet and an API server.

    The kubelet takes its extra arguments from etc/default/kubelet of the tree at each restart. What
    is wrong with it, once it runs on the planned files, is `fault`: dies, never_ready, no_lease,
    no_api; with `always` it is wrong on any files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unit_directory = str(root / "units")
        self.api_server_manifest = str(root / "etc/kubernetes/manifests/kube-apiserver.yaml")
        self._file = root / "fake-system.json"
        if not self._file.exists():
            (root / "units").mkdir()
            state = {
                "now": 1000.0,
                "boot": "b1",
                "fault": "",
                "always": False,
                "kubeadm": False,
                "agent": False,
            }
            self._file.write_text(
                json.dumps(state | {"pid": 100, "started": 0.0, "runs": True, "down": False})
            )
            self.start_kubelet()

    def get(self, key: str) -> Any:
        return json.loads(self._file.read_text())[key]

    def set(self, **values: Any) -> None:
        self._file.write_text(json.dumps(json.loads(self._file.read_text()) | values))

    def start_kubelet(self) -> None:
        words = (self.root / "etc/default/kubelet").read_text().split("=", 1)[1].split()
        self.set(argv=[*ARGV, *words], pid=self.get("pid") + 1, started=self.get("now"), runs=True)

    def reboot(self) -> None:
        self.set(boot=self.get("boot") + "x", now=self.get("now") + 60, agent=False)
        self.start_kubelet()

    def _is_wrong(self, fault: str) -> bool:
        planned = any(word.startswith("--config-dir=") for word in self.get("argv"))
        return self.get("fault") == fault and (planned or self.get("always"))

    def systemctl(self, *words: str, patience: float = 60) -> str:
        if words[:1] == ("restart",):
            planned = "--config-dir=" in (self.root / "etc/default/kubelet").read_text()
            if self.get("fault") == "no_systemd" and (planned or self.get("always")):
                raise OSError("systemctl restart failed")
            self.start_kubelet()
        if words[:1] == ("start",):
            self.set(agent=True)
        return ""

    def unit_state(self, unit: str) -> UnitState:
        if unit != "kubelet.service":
            return UnitState("active" if self.get("agent") else "inactive", "", 0, 0)
        if not self.get("runs") or (self._is_wrong("dies") and self.get("now") - self.get("started") > 5):
            return UnitState("activating", "auto-restart", 0, 1)
        return UnitState("active", "running", self.get("pid"), 0)

    def process(self, pid: int) -> Process | None:
        if pid != self.get("pid"):
            return None
        return Process(pid, int(self.get("started") * 100), tuple(self.get("argv")))

    def runs_kubeadm(self) -> bool:
        return bool(self.get("kubeadm"))

    def ticks(self) -> int:
        return int(self.get("now") * 100)

    def epoch_of(self, ticks: int) -> float:
        return EPOCH + ticks / 100

    def monotonic(self) -> float:
        return float(self.get("now"))

    def sleep(self, seconds: float) -> None:
        self.set(now=self.get("now") + seconds)

    def boot_id(self) -> str:
        return str(self.get("boot"))

    def host_name(self) -> str:
        return "W1"

    def node_objects(self, kubeconfig: str, node: str) -> kubeapi.NodeObjects:
        if self.get("down") or self._is_wrong("no_api"):
            raise kubeapi.ApiError("ConnectionRefusedError: refused")
        moved = 0 if self._is_wrong("no_lease") else self.get("now") // 10
        heartbeat = gate.rfc3339(EPOCH + self.get("started") + 1)
        return kubeapi.NodeObjects("w1", f"{moved}", not self._is_wrong("never_ready"), heartbeat)

    def error_line(self, unit: str, since: float, about: str = "") -> str | None:
        return 'E1123 13:20:00.1 1 run.go:72] "command failed" err="no"'

    def agent_state(self) -> str:
        if self.get("agent"):
            return "running"
        return "installed" if (self.root / "units/cksharden-agent.service").exists() else "absent"

    def remove_agent(self) -> None:
        super().remove_agent()
        self.set(agent=False)
