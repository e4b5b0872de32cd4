# SPDX-License-Identifier: Apache-2.0
"""What tests need of a running lab: commands on its nodes, power cuts, the cluster's own view."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from lab.cluster import wait_working
from lab.errors import LabError
from lab.images import TEST_IMAGE
from lab.keys import ensure_keys
from lab.kubeadm import ignored_preflight_errors
from lab.network import KUBECTL
from lab.nodes import wait_booted
from lab.offer import offer, offered
from lab.podman import execute, podman
from lab.state import State, read_state
from lab.topology import Node, cluster_nodes, control_planes

__all__ = [
    "TEST_IMAGE",
    "install",
    "kubeadm_upgrade",
    "kubectl",
    "lab",
    "node",
    "nodes",
    "offer",
    "over_ssh",
    "power_cut",
    "run",
    "start",
    "wait_ready",
]

_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def lab() -> State:
    """Return the lab of this machine.

    Raises:
        LabError: There is none that is whole.
    """
    state = read_state()
    if state is None or state.phase != "ready":
        raise LabError("there is no lab: nox -s lab -- up")
    return state


def nodes() -> tuple[Node, ...]:
    """Return the nodes that run a kubelet, the first control plane first."""
    return cluster_nodes(lab().topology)


def node(name: str) -> Node:
    """Return one of them by its name."""
    return next(found for found in nodes() if found.name == name)


def run(
    name: str,
    command: Sequence[str] | str,
    *,
    check: bool = True,
    stdin: str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command on a node as root; a string is given to /bin/sh.

    Args:
        check: Raise LabError where the exit code is not 0.
        timeout: Seconds after which it is given up.
    """
    argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    return execute(
        name,
        argv,
        expect=frozenset({0}) if check else None,
        stdin=None if stdin is None else stdin.encode(),
        timeout=timeout,
    )


def over_ssh(*names: str) -> list[str]:
    """Return testinfra's words for these nodes: SSH with the lab's key, the host key checked."""
    config = quote(str(ensure_keys().config))
    return [f"ssh://{name}?ssh_config={config}&controlpersist=0" for name in names]


def power_cut(name: str) -> None:
    """Kill everything on a node at once; nothing there is told, nothing is flushed."""
    podman("kill", "--signal", "KILL", name)
    podman("wait", name)


def start(name: str) -> None:
    """Switch a node on again and wait until its containerd and SSH daemon run."""
    podman("start", name)
    wait_booted(node(name))


def kubectl(
    *words: str, check: bool = True, stdin: str | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run kubectl as the cluster's administrator, on the first control plane."""
    first = control_planes(lab().topology)[0].name
    return run(first, [*KUBECTL, *words], check=check, stdin=stdin, timeout=timeout)


def install(name: str, kubernetes: str, *programs: str) -> None:
    """Replace programs of a node by those of a version that was offered, as its packages would."""
    run(name, ["install", "--mode=755", *(f"{offered(kubernetes)}/{each}" for each in programs), "/usr/bin"])


def kubeadm_upgrade(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `kubeadm upgrade` on a node, without the checks that no node on this machine can pass."""
    ignored = ",".join(ignored_preflight_errors())
    return run(name, ["kubeadm", "upgrade", *words, f"--ignore-preflight-errors={ignored}"], timeout=600)


def wait_ready(name: str | None = None, timeout: float = 120) -> None:
    """Wait until a node is Ready; without a name until the whole lab works as after `up`.

    The API server calls a node Ready for 40 s after it went silent. So an answer counts that the
    kubelet which runs now has given: one renewed after it started.

    Raises:
        LabError: Not within `timeout` seconds.
    """
    if name is None:
        wait_working(lab().topology, timeout)
        return
    deadline = time.monotonic() + timeout
    while not _is_ready_now(name):
        if time.monotonic() > deadline:
            raise LabError(f"{name} is not Ready after {timeout:.0f} s")
        time.sleep(0.5)


def _is_ready_now(name: str) -> bool:
    ask = "systemctl show --value --timestamp=us+utc --property ActiveEnterTimestamp kubelet"
    shown = run(name, ask, check=False).stdout.strip()
    renewed = kubectl(
        "--namespace",
        "kube-node-lease",
        "get",
        "lease",
        name,
        "--output",
        "jsonpath={.spec.renewTime}",
        check=False,
    )
    ready = kubectl("get", "node", name, "--output", _READY, check=False)
    if not shown or renewed.returncode != 0 or ready.stdout != "True":
        return False
    started = datetime.strptime(shown, "%a %Y-%m-%d %H:%M:%S.%f %Z").replace(tzinfo=UTC)
    return datetime.fromisoformat(renewed.stdout) > started
