# SPDX-License-Identifier: Apache-2.0
"""Which file an inventory is."""

from __future__ import annotations

from pathlib import Path

from cksharden.errors import InventoryError

NAMES = (
    *("hosts.yml", "hosts.yaml", "inventory.yml", "inventory.yaml"),
    *("inventory.ini", "hosts.ini", "hosts"),
)
"""The files of a directory that may be its inventory; the first one that is there is it."""


def inventory_file(inventory: Path) -> Path:
    """Return the absolute path of an inventory; of a directory, the file in it that lists the hosts.

    A directory as a whole is never the inventory: it also holds waivers.yml and profile.yml.

    Raises:
        InventoryError: there is none.
    """
    path = inventory.absolute()
    if path.is_dir():
        for name in NAMES:
            if (path / name).is_file():
                return path / name
        raise InventoryError(
            "this directory holds no inventory", file=inventory, mend=f"add {NAMES[0]} to it"
        )
    if not path.exists():
        raise InventoryError(
            "there is no such inventory", file=inventory, mend="name a file, or a directory with hosts.yml"
        )
    return path
