# SPDX-License-Identifier: Apache-2.0
"""The keys of the lab: one that opens its nodes, and the host key that they all show."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.cache import cache_root, locked
from lab.process import run
from lab.topology import TOPOLOGIES


@dataclass(frozen=True)
class Keys:
    """Paths of the key pairs; a public key lies beside its private one as .pub.

    `config` lets `ssh -F` know the nodes by their names.
    """

    client: Path
    host: Path
    known_hosts: Path
    config: Path


def ensure_keys() -> Keys:
    """Return the lab's keys, making those that are missing.

    They outlive the nodes, so that inventories/lab/ can name them and check host keys for real.
    """
    folder = cache_root() / "ssh"
    keys = Keys(folder / "id_ed25519", folder / "host_ed25519", folder / "known_hosts", folder / "config")
    with locked("ssh"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for private in (keys.client, keys.host):
            if not private.exists():
                _make_key(private)
        kind, key = keys.host.with_suffix(".pub").read_text(encoding="utf-8").split()[:2]
        nodes = {node.name: node.address for nodes in TOPOLOGIES.values() for node in nodes}
        hosts = [f"{address},{name} {kind} {key}\n" for name, address in sorted(nodes.items())]
        _replace(keys.known_hosts, "".join(hosts))
        _replace(keys.config, _config(keys, nodes))
    return keys


def _config(keys: Keys, nodes: dict[str, str]) -> str:
    named = "".join(f"Host {name}\n  HostName {address}\n" for name, address in sorted(nodes.items()))
    return f"""{named}
Host *
  User root
  IdentityFile "{keys.client}"
  IdentitiesOnly yes
  UserKnownHostsFile "{keys.known_hosts}"
  StrictHostKeyChecking yes
  BatchMode yes
"""


def _replace(path: Path, text: str) -> None:
    """Write a file that another process may be reading."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)


def _make_key(private: Path) -> None:
    draft = private.with_name(f"{private.name}.new")
    for path in (draft, draft.with_name(f"{draft.name}.pub")):
        path.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cksharden-lab", "-f", draft])
    # The private key last: it is what tells that the pair is there.
    draft.with_name(f"{draft.name}.pub").rename(private.with_suffix(".pub"))
    os.sync()
    draft.rename(private)
