# SPDX-License-Identifier: Apache-2.0
"""What Ansible itself says of an inventory, in a process of its own: no host is reached."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cksharden.ansible_env import environment
from cksharden.ansible_messages import inventory_reason
from cksharden.connection import Connection
from cksharden.errors import InventoryError, UsageError
from cksharden.inventory import CONTROL_PLANES, WORKERS, inventory_file
from cksharden.private_dir import private_directory, write_password

_NO_MATCH = re.compile(
    r"(?:supplied host pattern, ignoring: |subscripted pattern '|find limit file b')([^'\n]+)"
)

_SEPARATOR = re.compile(r"(?:\s*:\s*|\s+)(?![^\[]*\])")
"""Colons and blanks that are in no brackets."""
_IP6 = re.compile(r"[!&]?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]+")


def listed(inventory: Path, connection: Connection) -> dict[str, Any]:
    """Return an inventory as `ansible-inventory --list` has it.

    Raises:
        InventoryError: there is none, or Ansible can't read it.
    """
    source = inventory_file(inventory)
    done = _ask(source, connection)
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2]
        reason = inventory_reason(done.stderr, str(source)) if "Completely failed" in last else last
        raise InventoryError(reason, file=source, mend="see what `ansible-inventory --list` says")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def members(groups: Mapping[str, Any], name: str) -> set[str]:
    """Return the hosts of a group and of those below it, of what `listed` told."""
    group = groups.get(name, {})
    below = (members(groups, child) for child in group.get("children", ()))
    return set(group.get("hosts", ())).union(*below)


def check_limit(inventory: Path, connection: Connection, limit: str) -> None:
    """Refuse a limit of which a part (`w9`, `!w9` or `&rack9`) matches nothing; Ansible would ignore it.

    What else is wrong with the inventory, the playbook will tell.

    Raises:
        UsageError: a part says nothing, or is no pattern.
        InventoryError: it names the part that matches nothing.
    """
    for part in _parts(limit):
        _require_pattern(part, limit)
    source = inventory_file(inventory)
    done = _ask(source, connection, f"--limit={limit}", ANSIBLE_HOST_PATTERN_MISMATCH="error")
    unknown = _NO_MATCH.search(done.stderr) if done.returncode != 0 else None
    if unknown:
        raise InventoryError(
            f"{unknown[1]!r} matches nothing of {inventory}",
            key="--limit",
            mend=f"name hosts or groups as `ansible-inventory -i {shlex.quote(str(source))} --graph` does",
        )


def _parts(limit: str) -> list[str]:
    """Return the patterns of a limit, empty ones too, which Ansible leaves out.

    Source of the rule: split_host_pattern and subset in ansible/inventory/manager.py.
    """
    if "," in limit:
        parts = [part.strip() for part in limit.split(",")]
    elif _IP6.fullmatch(limit):
        parts = [limit]
    else:
        parts = _SEPARATOR.split(limit.strip())
    found: list[str] = []
    for part in parts:
        file = Path(part[1:])
        listed_there = part.startswith("@") and file.is_file()
        lines = file.read_text("utf-8", "replace").split("\n") if listed_there else [part]
        found += [line.strip() for line in lines if line.strip()] or [""]
    return found


def _require_pattern(part: str, limit: str) -> None:
    """Refuse what Ansible takes for every host, or fails over."""
    bare = part.lstrip("!&")
    broken = not bare.strip("~@") or bool(re.search(r"[\[\]]", re.sub(r"\[[^\]]*\]", "", bare)))
    if bare.startswith("~"):
        try:
            re.compile(bare[1:])
        except re.error:
            broken = True
    if broken:
        raise UsageError(
            f"{part!r} in {limit!r} is no pattern" if part else f"{limit!r} has a part that names nothing",
            key="--limit",
            mend="name hosts or groups, as `w1,rack*,!w9`; leave --limit out for every host",
        )


def no_nodes(inventory: Path, connection: Connection) -> InventoryError:
    """Return the error for an inventory in which there is nobody to ask."""
    try:
        groups = listed(inventory, connection)
    except InventoryError:
        groups = {}
    there = {*groups, *(child for group in groups.values() for child in group.get("children", ()))}
    empty = [name for name in (CONTROL_PLANES, WORKERS) if name in there]
    return InventoryError(
        f"nothing is in its groups {' and '.join(empty)}" if empty else "it has no hosts",
        file=inventory_file(inventory),
        mend=f"list the control planes in the group {CONTROL_PLANES}, and the other nodes in {WORKERS}",
    )


def _ask(
    source: Path, connection: Connection, *options: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    with private_directory() as private:
        vault = connection.vault_password_file
        if connection.vault_password is not None:
            vault = str(write_password(private, "vault", connection.vault_password))
        program = str(Path(sys.executable).parent / "ansible-inventory")
        command = [program, f"--inventory={source}", "--list", *options]
        command += [f"--vault-password-file={vault}"] if vault else []
        return subprocess.run(
            command,
            env=environment(os.environ, private) | settings,
            capture_output=True,
            text=True,
            check=False,
        )
