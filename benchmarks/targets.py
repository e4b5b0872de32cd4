# SPDX-License-Identifier: Apache-2.0
"""Hosts to measure on: the lab's nodes under many names, each with a connection of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import testing
from lab.keys import Keys, ensure_keys
from lab.topology import Node

_PORT = 2200
_PID = "/run/cksharden-bench-sshd.pid"
# The default of ten connections that are not logged in yet is not what is measured here.
_DAEMON = f"/usr/sbin/sshd -p {_PORT} -o PidFile={_PID} -o MaxStartups=1000"


@dataclass(frozen=True)
class Target:
    """One name, and the node that it leads to."""

    name: str
    node: Node


@dataclass(frozen=True)
class Targets:
    """An inventory of targets, in a home directory of its own, so that its connections are its own too."""

    home: Path
    inventory: Path
    targets: tuple[Target, ...]
    keys: Keys

    def ssh(self, target: Target) -> list[str]:
        """Return the bare ssh command for a target: no shared connection, the same options otherwise."""
        options = f"{_options(target.node, self.keys)} -o User=root -o Port={_PORT} -o ControlMaster=no -C"
        return ["ssh", *options.split(), "-i", str(self.keys.client), target.node.address]

    def close(self) -> None:
        """End the shared connections that Ansible left, so that the next run is cold too."""
        masters = [
            subprocess.Popen(
                ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "none"],
                stderr=subprocess.DEVNULL,
            )
            for socket in (self.home / ".ansible/cp").glob("*")
        ]
        for master in masters:
            master.wait()  # one that has ended by itself is as good


@contextmanager
def made(count: int, directory: Path) -> Iterator[Targets]:
    """Yield that many targets: each control plane of the lab once, then its workers again and again.

    Their SSH daemons, one on each node, end with the block.
    """
    nodes, keys, home = testing.nodes(), ensure_keys(), directory / "home"
    (home / ".ansible/cp").mkdir(parents=True)
    first = [node for node in nodes if node.role == "control_plane"]
    workers = [node for node in nodes if node.role == "worker"]
    chosen = [*first, *(workers[number % len(workers)] for number in range(count))][:count]
    targets = tuple(Target(f"t{number}", node) for number, node in enumerate(chosen))
    try:
        for node in nodes:
            testing.run(node.name, f"test ! -f {_PID} || kill $(cat {_PID}); {_DAEMON}")
        yield Targets(home, _inventory(targets, keys, directory), targets, keys)
    finally:
        for node in nodes:
            testing.run(node.name, f"test ! -f {_PID} || kill $(cat {_PID})")


def _inventory(targets: tuple[Target, ...], keys: Keys, directory: Path) -> Path:
    groups: dict[str, dict[str, object]] = {"kube_control_plane": {}, "kube_node": {}}
    for target in targets:
        group = "kube_node" if target.node.role == "worker" else "kube_control_plane"
        groups[group][target.name] = {
            "ansible_host": target.node.address,
            "ansible_control_path": f"{directory}/home/.ansible/cp/{target.name}",
            "ansible_ssh_common_args": _options(target.node, keys),
        }
    common = {
        "ansible_port": _PORT,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(keys.client),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    path = directory / "hosts.yml"
    children = {group: {"hosts": hosts} for group, hosts in groups.items() if hosts}
    path.write_text(json.dumps({"all": {"children": children, "vars": common}}), encoding="ascii")
    return path


def _options(node: Node, keys: Keys) -> str:
    return f"-o UserKnownHostsFile={keys.known_hosts} -o HostKeyAlias={node.address} -o IdentitiesOnly=yes"
