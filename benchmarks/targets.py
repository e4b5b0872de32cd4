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

_PORTS = 2200
_PID = "/run/cksharden-bench-sshd.pid"


@dataclass(frozen=True)
class Target:
    """One name, and where it leads."""

    name: str
    address: str
    port: int


@dataclass(frozen=True)
class Targets:
    """An inventory of targets."""

    inventory: Path
    targets: tuple[Target, ...]
    keys: Keys

    def ssh(self, target: Target) -> list[str]:
        """Return the bare ssh command for a target: no shared connection, the same options otherwise."""
        options = f"{_options(target, self.keys)} -o User=root -o Port={target.port} -o ControlMaster=no -C"
        return ["ssh", *options.split(), "-i", str(self.keys.client), target.address]


@contextmanager
def made(count: int, directory: Path) -> Iterator[Targets]:
    """Yield that many targets; their SSH daemons are started on the lab's nodes and end with the block."""
    nodes, keys = testing.nodes(), ensure_keys()
    targets = tuple(
        Target(f"t{number}", nodes[number % len(nodes)].address, _PORTS + number) for number in range(count)
    )
    try:
        for node in nodes:
            ports = [f"-p {target.port}" for target in targets if target.address == node.address]
            if ports:
                testing.run(node.name, f"/usr/sbin/sshd -o PidFile={_PID} {' '.join(ports)}")
        yield Targets(_inventory(targets, keys, directory), targets, keys)
    finally:
        for node in nodes:
            testing.run(node.name, f"test ! -f {_PID} || kill $(cat {_PID})")


def _inventory(targets: tuple[Target, ...], keys: Keys, directory: Path) -> Path:
    hosts = {
        target.name: {
            "ansible_host": target.address,
            "ansible_port": target.port,
            "ansible_ssh_common_args": _options(target, keys),
        }
        for target in targets
    }
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(keys.client),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    path = directory / f"hosts{len(targets)}.yml"
    path.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}), encoding="ascii")
    return path


def _options(target: Target, keys: Keys) -> str:
    return f"-o UserKnownHostsFile={keys.known_hosts} -o HostKeyAlias={target.address} -o IdentitiesOnly=yes"


def close_masters(home: Path) -> None:
    """End the shared connections that Ansible left, so that the next run starts cold too."""
    for socket in (home / ".ansible/cp").glob("*"):
        words = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "none"]
        subprocess.run(words, capture_output=True, check=False)  # one that has ended is as good
