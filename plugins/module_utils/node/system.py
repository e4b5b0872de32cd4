# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction asks of the node besides its files: systemd, processes, clocks, the API server."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from . import etcd_api, fsio, kubeapi, pod_logs, probes
from .command import PATH
from .manifest_pod import Probe
from .processes import pod_of
from .redact import redact
from .text import one_line

KUBELET = "kubelet.service"
AGENT_UNIT = "cksharden-agent.service"

# Not ordered against kubelet.service: at boot a gate would wait for a kubelet that waits for the gate.
_UNIT = """\
# Written by cksharden for one transaction, and removed when that ends.
[Unit]
Description=cksharden transaction {directory}
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart={python} -I -B {directory}/agent.py {directory}
Restart=on-failure
RestartSec=5
UMask=0077

[Install]
WantedBy=multi-user.target
"""

# From the line that a kubelet ends with to any that sounds like trouble; the first that is found is told.
_ERROR_LINES = (
    re.compile(r'^[EF]\d{4} .*"command failed"'),
    re.compile(r"^F\d{4} "),
    re.compile(r"^E\d{4} "),
    re.compile(r"\bError\b|\berr=|\bfailed\b", re.IGNORECASE),
)


class UnitState(NamedTuple):
    """How systemd sees a service."""

    active: str
    sub: str
    main_pid: int
    restarts: int


class Process(NamedTuple):
    """A process: two with the same pid and the same start are one."""

    pid: int
    started: int
    """Clock ticks since the node's boot."""
    argv: tuple[str, ...]


class PodProcess(NamedTuple):
    """A process in a container of the kubelet's; the first two tell it from every other, as in Process."""

    pid: int
    started: int
    argv: tuple[str, ...]
    container: str
    """The id of its container."""


class System:
    """The node itself. Everything else takes one of these, so that a test can bring its own."""

    unit_directory = "/etc/systemd/system"
    api_server_manifest = kubeapi.MANIFEST

    def systemctl(self, *words: str, patience: float = 60) -> str:
        """Run systemctl and return what it printed. Raises OSError when it fails or does not end."""
        return _output(["systemctl", *words], patience)

    def unit_state(self, unit: str) -> UnitState:
        """Return how systemd sees a unit."""
        wanted = "ActiveState,SubState,MainPID,NRestarts"
        printed = self.systemctl("show", "-p", wanted, unit)
        found = dict(line.partition("=")[::2] for line in printed.splitlines())
        return UnitState(
            found.get("ActiveState", "unknown"),
            found.get("SubState", "unknown"),
            int(found.get("MainPID") or 0),
            int(found.get("NRestarts") or 0),
        )

    def process(self, pid: int) -> Process | None:
        """Return a running process, None where there is none (any more)."""
        if pid <= 0:
            return None
        try:
            with open(f"/proc/{pid}/stat", "rb") as stream:
                # The name in brackets may hold anything; the start is the 20th field behind it.
                started = int(stream.read().rpartition(b")")[2].split()[19])
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                words = stream.read().split(b"\0")[:-1]
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return None
        return Process(pid, started, tuple(os.fsdecode(word) for word in words))

    def runs_kubeadm(self) -> bool:
        """Tell whether a kubeadm is at work on the node."""
        return any(process.argv and os.path.basename(process.argv[0]) == "kubeadm" for process in self._all())

    def _all(self) -> Iterator[Process]:
        for name in os.listdir("/proc"):
            process = self.process(int(name)) if name.isdigit() else None
            if process is not None:
                yield process

    def pod_processes(self, name: str) -> list[PodProcess]:
        """Return the processes with a program's name that run in pods of this node."""
        found = []
        for process in self._all():
            if process.argv and os.path.basename(process.argv[0]) == name:
                container = _container(process.pid)
                if container:
                    found.append(PodProcess(*process, container))
        return found

    def pod_logs(self, component: str) -> list[str]:
        """Return the log files of a component's containers: one for each start."""
        return pod_logs.files(component)

    def pod_error_line(self, component: str, since: float, about: str = "") -> str | None:
        """Return the line since a time of day in which a component best tells of an error, redacted.

        about: only lines with this text count.
        """
        return pod_logs.error_line(component, since, about=about)

    def probe(self, probe: Probe) -> str:
        """Replay a probe; return what is wrong with the answer, "" for nothing."""
        return probes.replay(probe)

    def api(self, kubeconfig: str, server: str) -> kubeapi.Api:
        """Return a connection to an API server. Raises kubeapi.ApiError."""
        return kubeapi.Api(kubeconfig, server)

    def etcd(self, url: str, credentials: etcd_api.Credentials) -> etcd_api.Etcd:
        """Return one endpoint of etcd."""
        return etcd_api.Etcd(url, credentials)

    def ticks(self) -> int:
        """Return the clock ticks since the node's boot, as in Process.started."""
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))

    def epoch_of(self, ticks: int) -> float:
        """Return the time of day, in seconds of the epoch, of a tick."""
        return time.time() - (self.ticks() - ticks) / os.sysconf("SC_CLK_TCK")

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def boot_id(self) -> str:
        """Return the name that the kernel gave to this boot."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read().strip()

    def host_name(self) -> str:
        """Return the host name as the kernel has it."""
        return os.uname().nodename

    def node_objects(self, kubeconfig: str, node: str) -> kubeapi.NodeObjects:
        """Ask the API server for the Lease and the Node of this node. Raises kubeapi.ApiError."""
        return kubeapi.node_objects(kubeconfig, node)

    def error_line(self, unit: str, since: float, about: str = "") -> str | None:
        """Return the line since a time of day in which a service best tells of an error, secrets removed.

        about: only lines with this text count.
        """
        # By the field, not by -u, which adds what systemd itself says of the unit.
        words = ["journalctl", f"_SYSTEMD_UNIT={unit}", "-o", "cat", "--no-pager", "-q", "-n", "2000"]
        try:
            lines = _output([*words, f"--since=@{int(since)}"], 10).splitlines()
        except OSError:
            return None
        return error_line([line for line in lines if about in line])

    def install_agent(self, directory: str, python: str) -> None:
        """Write, enable and start the unit that runs the transaction in a directory."""
        path = os.path.join(self.unit_directory, AGENT_UNIT)
        temporary = os.path.join(self.unit_directory, f".{AGENT_UNIT}.cksharden-new")
        fsio.remove_file(temporary)
        text = _UNIT.format(directory=directory, python=python)
        fsio.write_new(temporary, text.encode("utf-8"), {"mode": "0644", "uid": 0, "gid": 0})
        os.rename(temporary, path)
        fsio.sync_directory(self.unit_directory)
        self.systemctl("daemon-reload")
        self.systemctl("enable", AGENT_UNIT)
        self.systemctl("start", "--no-block", AGENT_UNIT)

    def remove_agent(self) -> None:
        """Remove the unit; a running agent lives on until it ends by itself."""
        path = os.path.join(self.unit_directory, AGENT_UNIT)
        if os.path.lexists(path):
            self.systemctl("disable", AGENT_UNIT)
        fsio.remove_file(path)
        fsio.sync_directory(self.unit_directory)
        self.systemctl("daemon-reload")

    def agent_state(self) -> str:
        """Return `running`, `installed` (its unit is there, but does not run) or `absent`."""
        if self.unit_state(AGENT_UNIT).active in ("active", "activating"):
            return "running"
        path = os.path.join(self.unit_directory, AGENT_UNIT)
        return "installed" if os.path.lexists(path) else "absent"


def _container(pid: int) -> str:
    """Return the id of the container of the kubelet's that a process runs in, "" for none."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as stream:
            pod = pod_of(stream.read())
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return pod[1] if pod else ""


def error_line(lines: list[str]) -> str | None:
    """Return, of a kubelet's log, the line that best tells why it failed, secrets removed; None for none."""
    for pattern in _ERROR_LINES:
        found = [line for line in lines if pattern.search(line)]
        if found:
            return one_line(redact(found[-1])[0], 500)
    return None


def _output(words: list[str], patience: float) -> str:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            env={"PATH": PATH, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{' '.join(words)} did not end within {patience:.0f} s") from None
    if done.returncode != 0:
        told = one_line(done.stderr.decode("utf-8", "replace"))
        raise OSError(f"{' '.join(words)} failed: {told or done.returncode}")
    return done.stdout.decode("utf-8", "backslashreplace")
