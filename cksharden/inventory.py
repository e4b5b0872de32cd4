# SPDX-License-Identifier: Apache-2.0
"""Which file an inventory is, and which of its hosts are asked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cksharden.errors import InventoryError, UsageError

CONTROL_PLANES = "kube_control_plane"
"""The group of the inventory whose hosts are always asked, for the cluster's facts."""
WORKERS = "kube_node"
_NAMED = 5
_MAKE = "`cksharden init DIR --host NODE` makes one"
NAMES = (
    *("hosts.yml", "hosts.yaml", "inventory.yml", "inventory.yaml"),
    *("inventory.ini", "hosts.ini", "hosts"),
)
"""The files of a directory that may be its inventory; the first one that is there is it."""


def inventory_file(inventory: Path) -> Path:
    """Return the absolute path of an inventory; of a directory, the file in it that lists the hosts.

    A directory as a whole is never the inventory: it also holds waivers.yml and profile.yml.

    Raises:
        InventoryError: there is none, or it is no text.
    """
    path = inventory.absolute()
    if path.is_dir():
        for name in NAMES:
            if (path / name).is_file():
                _require_text(path / name, inventory / name)
                return path / name
        raise InventoryError(
            "this directory holds no inventory", file=inventory, mend=f"add {NAMES[0]} to it"
        )
    if not path.exists():
        raise missing(inventory)
    _require_text(path, inventory)
    return path


def _require_text(path: Path, called: Path) -> None:
    """Refuse bytes that Ansible would take for names of hosts; comments and programs may be anything."""
    if not path.is_file() or os.access(path, os.X_OK) or not os.access(path, os.R_OK):
        return
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.lstrip().startswith((b"#", b";")):
            continue
        try:
            is_text = all(char >= " " or char in "\t\v\f\r" for char in line.decode())
        except UnicodeDecodeError:
            is_text = False
        if not is_text:
            raise InventoryError(
                f"line {number} holds bytes that are no text",
                file=called,
                mend="write the inventory in UTF-8",
            )


def missing(inventory: Path) -> InventoryError:
    """Return the error for a path where nothing is; a list of hosts, as Ansible takes too, is none."""
    what = "a list of hosts is no inventory here" if "," in inventory.name else "there is no such inventory"
    mend = f"name a file, or a directory with hosts.yml; {_MAKE}"
    return InventoryError(what, file=inventory, mend=mend)


def none_given() -> UsageError:
    """Return the error for a command that reaches nodes and was given no inventory."""
    return UsageError(
        "no inventory was given", mend=f"name an Ansible inventory, like inventories/lab; {_MAKE}"
    )


def left_out(groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return what to say of the hosts that the playbooks leave out; nothing where they take all.

    Args:
        groups: the hosts of every group of the inventory; empty where it is not known.
    """
    asked = {*groups.get(CONTROL_PLANES, ()), *groups.get(WORKERS, ())}
    hosts = sorted({host for members in groups.values() for host in members} - asked)
    if CONTROL_PLANES not in groups or not hosts:
        return ()
    more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
    return (not_asked(", ".join(hosts[:_NAMED]) + more),)


def not_asked(hosts: str) -> str:
    """Return the words for hosts that are no nodes by their groups: a bastion, an etcd host, or a mistake."""
    return f"not asked: {hosts}: in neither {CONTROL_PLANES} nor {WORKERS}"
