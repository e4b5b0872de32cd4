# SPDX-License-Identifier: Apache-2.0
"""A node of real files below one directory, and ways to run its agent; what is no file is in fake_system.py."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node import begin, journal, store
from ansible_collections.cksharden.node.plugins.module_utils.node.agent import Agent
from ansible_collections.cksharden.node.plugins.module_utils.node.fsio import state_of
from tests.unit.node.fake_system import FakeSystem

RUN = "20261123T132000Z-1a2b3c"


class KillingJournal(journal.Journal):
    """A journal that kills its process as soon as the record of one step is on disk."""

    fatal: str | None = None
    meanwhile: tuple[str, Callable[[], object]] = ("", lambda: None)

    def append(self, step: str, data: dict[str, Any] | None = None) -> None:
        super().append(step, data)
        if step == self.meanwhile[0]:
            self.meanwhile[1]()
        if step == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class FakeNode:
    """The tree, what may be planned for it, and ways to run its agent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = str(root / "state")
        for name in ("etc/default", "etc/kubernetes", "var/lib/kubelet", "etc/systemd"):
            (root / name).mkdir(parents=True)
        self.write("etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--v=2 --tls-min-version=VersionTLS12\n", 0o644)
        self.write(
            "var/lib/kubelet/kubeadm-flags.env", b'KUBELET_KUBEADM_ARGS="--x=1 --event-qps=0"\n', 0o640
        )
        self.write("var/lib/kubelet/config.yaml", b"kind: KubeletConfiguration\n", 0o644)
        self.system = FakeSystem(root)
        self.before = self.snapshot()

    def write(self, name: str, data: bytes, mode: int) -> None:
        path = self.root / name
        path.write_bytes(data)
        path.chmod(mode)
        os.utime(path, ns=(1_500_000_000_123_456_789, 1_600_000_000_987_654_321))
        with contextlib.suppress(OSError):  # not every filesystem of a developer keeps them
            os.setxattr(path, "user.cksharden-test", b"kept")

    def path(self, name: str) -> str:
        return str(self.root / name)

    def ground(self, name: str) -> dict[str, Any] | None:
        return state_of(self.path(name))

    def changes(self, directory: str) -> list[dict[str, Any]]:
        """Every action of a kubelet transaction at once; directory is the kubelet's for drop-ins."""
        extra = {"variable": "KUBELET_EXTRA_ARGS"}
        return [
            {
                "path": directory,
                "action": "directory",
                "create": {"mode": "0755", "uid": 0, "gid": 0},
                "holds_only": ["99-cksharden.conf"],
                "ground": None,
            },
            {
                "path": directory + "/99-cksharden.conf",
                "action": "edit",
                "edits": [{"op": "merge_json", "values": {"tlsMinVersion": "VersionTLS13"}}],
                "create": {"mode": "0600", "uid": 0, "gid": 0},
                "ground": None,
            },
            {
                "path": self.path("etc/default/kubelet"),
                "action": "edit",
                "edits": [
                    {"op": "prepend_flag", "flag": "config-dir", "value": directory, **extra},
                    {"op": "remove_flag", "flag": "tls-min-version", **extra},
                ],
                "ground": self.ground("etc/default/kubelet"),
            },
            {
                "path": self.path("var/lib/kubelet/kubeadm-flags.env"),
                "action": "edit",
                "edits": [{"op": "remove_flag", "variable": "KUBELET_KUBEADM_ARGS", "flag": "event-qps"}],
                "ground": self.ground("var/lib/kubelet/kubeadm-flags.env"),
            },
            {
                "path": self.path("var/lib/kubelet/config.yaml"),
                "action": "attributes",
                "mode": "0600",
                "owner": "root",
                "group": None,
                "ground": state_of(self.path("var/lib/kubelet/config.yaml"), digest=False),
            },
        ]

    def transaction(self, run: str = RUN, role: str = "kubelet") -> dict[str, Any]:
        """A transaction of all these changes."""
        directory = self.path("etc/kubernetes/kubelet.conf.d")
        return {
            "format": "cksharden-transaction",
            "schema": "1.0",
            "kind": "apply",
            "run": run,
            "role": role,
            "host": "w1",
            "changes": self.changes(directory),
            "daemon_reload": False,
            "restart": "kubelet.service",
            "gate": {
                "argv": {
                    "added": [f"--config-dir={directory}"],
                    "removed": ["--tls-min-version=VersionTLS12"],
                }
            },
        }

    def begin(self, transaction: dict[str, Any] | None = None) -> dict[str, Any]:
        return begin.begin(transaction or self.transaction(), "# agent", self.base, self.system)

    def directory(self, run: str = RUN, role: str = "kubelet") -> str:
        return store.directory(self.base, run, role)

    def agent(
        self,
        fatal: str | None = None,
        directory: str | None = None,
        meanwhile: tuple[str, Callable[[], object]] = ("", lambda: None),
    ) -> None:
        """Run the agent in this process: killed at the step fatal, with something else done at another."""
        place = directory or self.directory()
        log = KillingJournal(os.path.join(place, "journal"))
        log.fatal, log.meanwhile = fatal, meanwhile
        with store.locked(self.base, 5):
            Agent(place, self.system, log).run()
        log.close()

    def run(self, run: str = RUN, role: str = "kubelet") -> dict[str, Any]:
        """Run the agent to its end; return the data of the record closed."""
        self.agent(directory=self.directory(run, role))
        return self.closed(run, role)

    def records(self, run: str = RUN, role: str = "kubelet") -> list[dict[str, Any]]:
        return journal.read(os.path.join(self.directory(run, role), "journal"))

    def closed(self, run: str = RUN, role: str = "kubelet") -> dict[str, Any]:
        last = self.records(run, role)[-1]
        assert last["step"] == "closed", last
        data: dict[str, Any] = last["data"]
        return data

    def snapshot(self) -> dict[str, Any]:
        """Everything below etc and var, byte for byte; times of files only, a directory's moves by itself."""
        found = {}
        for top in ("etc", "var"):
            for place, _directories, names in os.walk(self.root / top):
                found[os.path.relpath(place, self.root)] = _look(Path(place))
                for name in names:
                    found[os.path.relpath(os.path.join(place, name), self.root)] = _look(Path(place, name))
        return found

    def assert_nothing_left(self) -> None:
        assert not (self.root / "units/cksharden-agent.service").exists()
        assert [name for name in self.snapshot() if ".cksharden-" in name] == []

    def assert_before(self) -> None:
        self.assert_nothing_left()
        assert self.snapshot() == self.before
        assert not any(word.startswith("--config-dir") for word in self.system.get("argv"))

    def assert_planned(self) -> None:
        self.assert_nothing_left()
        now = self.snapshot()
        drop_in = now.pop("etc/kubernetes/kubelet.conf.d/99-cksharden.conf")
        assert json.loads(drop_in["data"]) == {"tlsMinVersion": "VersionTLS13"}
        assert drop_in["mode"] == 0o600
        assert now.pop("etc/kubernetes/kubelet.conf.d")["mode"] == 0o755
        wanted = {name: dict(entry) for name, entry in self.before.items()}
        directory = self.path("etc/kubernetes/kubelet.conf.d")
        wanted["etc/default/kubelet"]["data"] = (
            f"KUBELET_EXTRA_ARGS=--config-dir={directory} --v=2\n".encode()
        )
        wanted["var/lib/kubelet/kubeadm-flags.env"]["data"] = b'KUBELET_KUBEADM_ARGS="--x=1"\n'
        wanted["var/lib/kubelet/config.yaml"]["mode"] = 0o600
        for name in ("etc/default/kubelet", "var/lib/kubelet/kubeadm-flags.env"):
            assert now[name].pop("mtime") > wanted[name].pop("mtime")
        assert now == wanted
        assert f"--config-dir={directory}" in self.system.get("argv")


def _look(path: Path) -> dict[str, Any]:
    status = path.lstat()
    entry: dict[str, Any] = {
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "links": status.st_nlink if path.is_file() else None,
        "xattrs": {name: os.getxattr(path, name) for name in os.listxattr(path)},
    }
    if path.is_file():
        entry |= {"data": path.read_bytes(), "mtime": status.st_mtime_ns}
    return entry


def in_child(work: Callable[[], object]) -> bool:
    """Do work in a forked process; tell whether it was killed. Fails where work raised."""
    with warnings.catch_warnings():
        # pytest-xdist has a thread in each worker; the child uses nothing of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), "the child failed"
    return code != 0
