# SPDX-License-Identifier: Apache-2.0
"""The machines of the lab: containers that boot systemd and are reached over SSH."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.imagestore import containerd_config, lay_store
from lab.keys import Keys
from lab.podman import container_states, execute, networks, podman, privileged_options, remove_containers
from lab.process import run
from lab.remove import remove_tree
from lab.tarball import File, Folder, tar_bytes
from lab.topology import GATEWAY, LABEL, NODE_RANGE, SUBNET, Node

BOOT_SECONDS = 60
# On cgroup v1 podman lays the host's whole systemd hierarchy over the part of it that is the
# container's: all nodes would share one tree, and clear away each other's pods.
_INIT = """
umount /sys/fs/cgroup/systemd/release_agent 2>/dev/null
[ "$(grep -c ' /sys/fs/cgroup/systemd ' /proc/self/mountinfo)" -lt 2 ] || umount /sys/fs/cgroup/systemd
exec /sbin/init
"""


@dataclass(frozen=True)
class Parts:
    """What nodes are made from: image, network, containerd's directory, sandbox image, keys."""

    image: str
    network: str
    store: Path
    sandbox: str
    keys: Keys


def for_each(nodes: Iterable[Node], action: Callable[[Node], None]) -> None:
    """Do something to several nodes at once; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done in [pool.submit(action, node) for node in nodes]:
            done.result()


def create_network() -> str:
    """Make a network for a lab and return its name.

    The name is new each time: podman, killed while it starts a node, never gives back the
    addresses that it handed out on a network of that name.
    """
    name = f"cksharden-lab-{secrets.token_hex(4)}"
    addresses = ["--subnet", SUBNET, "--gateway", GATEWAY, "--ip-range", NODE_RANGE]
    podman("network", "create", "--label", LABEL, *addresses, name)
    return name


def create_node(node: Node, parts: Parts, folder: Path) -> None:
    """Make and start a node that has everything but Kubernetes' own configuration.

    Args:
        folder: Where the node's containerd directory goes. containerd's overlays cannot lie on the
            container's own, which is one too.
    """
    store = folder / node.name / "containerd"
    lay_store(parts.store, store)
    # In place of the memory that podman gives to a journal, which a power cut would empty.
    journal = folder / node.name / "journal"
    journal.mkdir()
    podman(
        "create", "--replace", "--name", node.name, "--hostname", node.name, "--label", LABEL,
        "--network", parts.network, "--ip", node.address,
        *privileged_options(), "--systemd", "always", "--cgroupns", "private",
        "--sysctl", "net.ipv4.ip_forward=1",  # kubeadm's preflight asks every node for it
        "--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", f"{store}:/var/lib/containerd",
        "--volume", f"{journal}:/var/log/journal", "--stop-timeout", "5", parts.image, "/bin/sh", "-c", _INIT,
    )  # fmt: skip
    podman(
        "cp",
        "-",
        f"{node.name}:/",
        stdin=tar_bytes(
            [
                Folder("/root/.ssh", 0o700),
                File("/root/.ssh/authorized_keys", parts.keys.client.with_suffix(".pub"), 0o600),
                File("/etc/ssh/ssh_host_ed25519_key", parts.keys.host, 0o600),
                File("/etc/ssh/ssh_host_ed25519_key.pub", parts.keys.host.with_suffix(".pub")),
                File("/etc/containerd/config.toml", containerd_config(parts.sandbox).encode()),
            ]
        ),
    )
    podman("start", node.name)


def wait_booted(node: Node) -> None:
    """Wait until a node's containerd and SSH daemon run.

    Raises:
        LabError: They do not within a minute; with what systemd says about them.
    """
    script = (
        f"for try in $(seq {BOOT_SECONDS * 5}); do "
        "systemctl is-active --quiet containerd ssh 2>/dev/null && exit 0; sleep 0.2; done; "
        "systemctl --no-pager --lines 5 status containerd ssh; exit 1"
    )
    execute(node.name, ["/bin/sh", "-c", script], timeout=BOOT_SECONDS * 2)


def start_stopped(nodes: Iterable[Node]) -> list[str]:
    """Start the nodes that exist and do not run; return their names.

    Raises:
        LabError: A node is missing altogether.
    """
    states = container_states()
    wanted = list(nodes)
    missing = [node.name for node in wanted if node.name not in states]
    if missing:
        raise LabError(f"no container for {', '.join(missing)}")
    stopped = [node.name for node in wanted if states[node.name] != "running"]
    for name in stopped:
        podman("start", name)
    return stopped


def remove_everything(folder: Path) -> None:
    """Remove the containers, the network and the nodes' directories of whatever lab there is."""
    remove_containers(sorted(container_states()))
    for network in networks():
        podman("network", "rm", "--force", network)
    # Where podman was killed while it started a node its bridge is still there, and counts as taken.
    for link in json.loads(run(["ip", "-json", "address", "show", "to", GATEWAY]).stdout or "[]"):
        run(["ip", "link", "delete", link["ifname"]])
    remove_tree(folder)
