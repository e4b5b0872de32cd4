# SPDX-License-Identifier: Apache-2.0
"""Collect the facts of every host of an inventory: one remote execution per host."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request, facts_path
from cksharden.errors import IncompleteError
from cksharden.runner import Connection, HostResult, OnEvent, run_playbook


@dataclass(frozen=True)
class Collected:
    """What a collection brought: for each host its facts file, or the reason why there is none."""

    hosts: dict[str, Path | str]


def collect(
    inventory: Path,
    request: Mapping[str, Any],
    connection: Connection,
    limit: str | None,
    facts_dir: Path,
    *,
    on_event: OnEvent | None = None,
) -> Collected:
    """Write `facts_dir/<host>.json` for every host that answers.

    Args:
        inventory: an Ansible inventory, or a directory with one.
        request: what the controls need: `{"schema", "files", "limits"}`, paths relative to nothing.
        connection: how to connect.
        limit: Ansible's --limit.
        facts_dir: an existing directory.
        on_event: called with a host and a task's title, then "collected", "failed: …" or "unreachable: …".

    Raises:
        InventoryError: the inventory can't be used.
        IncompleteError: Ansible failed before it asked a host.
    """
    with tempfile.NamedTemporaryFile(prefix="cksharden-request-", suffix=".json") as file:
        file.write(msgspec.json.encode(check_request(dict(request))))
        file.flush()
        played = run_playbook(
            "collect",
            inventory=inventory,
            extra={"cksharden_request": file.name, "cksharden_facts_dir": str(facts_dir.absolute())},
            limit=limit,
            connection=connection,
            on_event=None if on_event is None else _told(on_event),
        )
    if not played.hosts:
        raise IncompleteError(played.error or f"Ansible ended with {played.rc} and asked no host")
    return Collected({host: _outcome(result, facts_dir) for host, result in sorted(played.hosts.items())})


def _outcome(result: HostResult, facts_dir: Path) -> Path | str:
    if result.status != "ok":
        return f"{result.status}: {result.message}" if result.status == "unreachable" else result.message
    path = facts_path(facts_dir, result.host)
    return path if result.answers and path.is_file() else "the node brought no facts"


def _told(on_event: OnEvent) -> OnEvent:
    """Say "collected" where a playbook says "ok"."""
    return lambda host, what: on_event(host, "collected" if what == "ok" else what)
