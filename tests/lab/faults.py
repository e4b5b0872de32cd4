# SPDX-License-Identifier: Apache-2.0
"""Ways to break a transaction of a real node at a chosen step, and to see how the node is afterwards.

The product has no hook for it: the node's own Python gets a start-up file that kills, or holds, a
process of /var/lib/cksharden as soon as a chosen record of its journal is on disk.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab import testing
from lab.outside import handshake

ROOT = Path(__file__).resolve().parent.parent.parent
NODE = os.environ.get("CKSHARDEN_FAULTS_NODE", "w1")
"""The node that things happen to; `nox -s faults` walks a worker, and then one of three control planes."""
BASE = "/var/lib/cksharden"
KUBELET_SETTINGS = [{"key": "tlsMinVersion", "value": "VersionTLS13"}]
IMPATIENT = (
    "-o ControlMaster=auto -o ControlPersist=60s"
    " -o ServerAliveInterval=1 -o ServerAliveCountMax=2 -o ConnectTimeout=3"
)
"""Arguments of an SSH that gives up a node within seconds."""
_DIRECTORY = "/usr/local/lib/python3.11/dist-packages"
_WANTED = "/var/lib/cksharden-fault"
"""Holds `<step> kill` or `<step> hold`; removed by who obeys it, so that it acts once."""
_HELD = "/var/lib/cksharden-held"

_MODULE = f"""
import json, os, signal, time

_fsync = os.fsync


def fsync(descriptor):
    _fsync(descriptor)
    try:
        with open({_WANTED!r}) as stream:
            step, what = stream.read().split()
        path = os.readlink("/proc/self/fd/%d" % descriptor)
        with open(path) as stream:
            last = [line for line in stream.read().split("\\n") if line][-1]
        reached = path.endswith("/journal") and json.loads(last)["step"] == step
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return
    if not reached:
        return
    os.unlink({_WANTED!r})
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    open({_HELD!r}, "w").close()
    while os.path.exists({_HELD!r}):
        time.sleep(0.05)


with open("/proc/self/cmdline", "rb") as stream:
    if b"{BASE}/" in stream.read():
        os.fsync = fsync
"""

_LOOK = f"""
import glob, hashlib, json, os
files = ["/etc/default/kubelet", "/etc/kubernetes/kubelet.conf.d", "/var/lib/kubelet/config.yaml"]
files += glob.glob("/etc/kubernetes/kubelet.conf.d/*")
files += ["/var/lib/kubelet/kubeadm-flags.env", "/etc/kubernetes/kubelet.conf"]
seen = {{}}
for path in files:
    if os.path.lexists(path):
        status = os.lstat(path)
        seen[path] = [status.st_mode, status.st_uid, status.st_gid, status.st_nlink]
        if os.path.isfile(path):
            seen[path] += [status.st_mtime_ns, hashlib.sha256(open(path, "rb").read()).hexdigest()]
        else:
            del seen[path][3]
left = [p for top in ("/etc", "/var/lib", "/etc/kubernetes") for p in glob.glob(top + "/.*cksharden*")]
left += glob.glob("/etc/systemd/system/*cksharden*") + glob.glob("/etc/systemd/system/*/*cksharden*")
journals = {{}}
for path in glob.glob("{BASE}/*/*/journal"):
    lines = [json.loads(line) for line in open(path).read().split("\\n") if line]
    journals["/".join(path.split("/")[-3:-1])] = [[line["step"], line["data"]] for line in lines]
print(json.dumps({{"seen": seen, "left": left, "journals": journals}}))
"""


def inventory() -> str:
    """Return the inventory of the lab that is up, as a path from the root of the project."""
    return "inventories/lab-ha" if testing.lab().topology == "ha" else "inventories/lab"


def install(node: str = NODE) -> None:
    """Give a node the start-up file."""
    testing.run(node, f"cat > {_DIRECTORY}/cksharden_fault.py", stdin=_MODULE)
    testing.run(node, f"echo 'import cksharden_fault' > {_DIRECTORY}/cksharden_fault.pth")


def remove(node: str = NODE) -> None:
    """Take the start-up file and whatever it left away."""
    testing.run(node, f"rm -f {_DIRECTORY}/cksharden_fault.* {_WANTED} {_HELD}")


def plant(step: str, what: str, node: str = NODE) -> None:
    """Have the agent killed (`kill`) or held (`hold`) once the record of a step is on disk."""
    testing.run(node, f"echo '{step} {what}' > {_WANTED}")


def wait_held(seconds: float = 120, node: str = NODE) -> None:
    """Wait until the agent is held."""
    wait(
        lambda: testing.run(node, f"test -e {_HELD}", check=False).returncode == 0, seconds, "it was not held"
    )


def release(node: str = NODE) -> None:
    """Let a held agent go on."""
    testing.run(node, f"rm -f {_HELD}")


def wait(holds: Any, seconds: float, told: str) -> None:
    """Wait until something holds, fail after seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, told
        time.sleep(0.3)


def look() -> dict[str, Any]:
    """Return the files that matter, what should not be there, and the journals of the node."""
    found: dict[str, Any] = json.loads(testing.run(NODE, ["python3", "-S", "-c", _LOOK]).stdout)
    return found


def wait_settled(run: str, seconds: float = 240) -> dict[str, Any]:
    """Wait, without helping, until the run's transaction is closed and its unit gone; return its end."""
    state: dict[str, Any] = {}

    def settled() -> bool:
        state.update(look())
        records = state["journals"].get(f"{run}/kubelet") or [["", {}]]
        return bool(records[-1][0] == "closed" and not state["left"])

    wait(settled, seconds, f"not settled: {state}")
    closed: dict[str, Any] = state["journals"][f"{run}/kubelet"][-1][1]
    return closed


def accepts_tls12() -> bool:
    """Tell whether the kubelet talks TLS 1.2: what it really does, whatever its files say."""
    return handshake(testing.node(NODE).address, "TLSv1_2") is not None


def lease(*words: str) -> str:
    """Return what kubectl says of the Lease that is the cluster's lock, nothing where there is none."""
    command = ("--namespace", "kube-system", "get", "lease", "cksharden", "--ignore-not-found", "--output")
    return testing.kubectl(*command, *words).stdout


def lock_holder() -> str:
    """Return the run that has the cluster's lock, nothing where no run has it."""
    return lease("jsonpath={.spec.holderIdentity}")


class Harden:
    """One run of the playbook harden on a node, by plain ansible-playbook, in the background."""

    def __init__(
        self,
        run: str,
        directory: Path,
        playbook: str = "harden",
        ssh: str = "",
        node: str = NODE,
        **extra: Any,
    ) -> None:
        self.run = run
        variables = directory / f"{run}-{playbook}.json"
        variables.write_text(json.dumps({"cksharden_run": run, "kubelet_gate_limit": 60, **extra}))
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_PIPELINING": "1"}
        if ssh:
            environment["ANSIBLE_SSH_ARGS"] = ssh
        program = Path(sys.executable).parent / "ansible-playbook"
        words = [str(program), "-i", str(ROOT / inventory() / "hosts.yml"), "--limit", node]
        self._output = directory / f"{run}-{playbook}.txt"
        with self._output.open("wb") as stream:
            self._process = subprocess.Popen(
                [*words, f"cksharden.node.{playbook}", "-e", f"@{variables}"],
                env=environment,
                cwd=ROOT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = 300) -> tuple[int, str]:
        """Return exit code and output."""
        return self._process.wait(seconds), self._output.read_text()

    def kill(self) -> None:
        """Kill the controller with SIGKILL."""
        kill(self._process, f"{self.run}-")


def kill(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a process with SIGKILL, and whatever else has a mark of it in its command line."""
    process.kill()
    process.wait(10)
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if place.name != str(os.getpid()) and os.fsencode(mark) in (place / "cmdline").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)


@contextmanager
def network_cut(node: str = NODE) -> Iterator[None]:
    """Drop what comes to the node's SSH daemon."""
    rule = "INPUT -p tcp --dport 22 -j DROP"
    testing.run(node, f"iptables -I {rule}")
    try:
        yield
    finally:
        testing.run(node, f"iptables -D {rule}")


@contextmanager
def small_disk() -> Iterator[None]:
    """Have the node keep its transactions on a filesystem of 8 MiB."""
    testing.run(NODE, f"mkdir -p {BASE} && mount -t tmpfs -o size=8m,mode=0700 tmpfs {BASE}")
    try:
        yield
    finally:
        testing.run(NODE, f"umount -l {BASE}")
