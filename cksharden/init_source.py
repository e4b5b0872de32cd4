# SPDX-License-Identifier: Apache-2.0
"""The hosts of an inventory that somebody has already, with how each is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cksharden.ansible_inventory import listed
from cksharden.errors import InventoryError
from cksharden.init_files import CONNECTING, Member
from cksharden.inventory import inventory_file
from cksharden.runner import Connection


def hosts_of(inventory: Path, connection: Connection) -> dict[str, Member]:
    """Return the hosts of an Ansible inventory by name.

    Passwords are left where they are, and so is a value with a template: what it needs is not here.

    Raises:
        InventoryError: Ansible can't read it, or it has no hosts.
    """
    groups = listed(inventory, connection)
    variables = groups.pop("_meta")["hostvars"]
    hosts = sorted({host for group in groups.values() for host in group.get("hosts", ())})
    if not hosts:
        raise InventoryError(
            "it has no hosts", file=inventory_file(inventory), key="--from", mend="list the nodes in it"
        )
    return {host: Member(host, more=_taken(variables.get(host, {}))) for host in hosts}


def _taken(known: dict[str, Any]) -> dict[str, str | int]:
    return {
        key: known[key]
        for key in CONNECTING
        if isinstance(known.get(key), str | int) and "{{" not in str(known[key])
    }
