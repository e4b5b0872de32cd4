# SPDX-License-Identifier: Apache-2.0
"""Collect the facts of every host of an inventory: one remote execution per host."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request, facts_path
from cksharden.errors import IncompleteError
from cksharden.inventory import CONTROL_PLANES
from cksharden.rundir import BESIDE, read_inventory
from cksharden.runner import Connection, HostResult, OnEvent, PlaybookResult, run_playbook


@dataclass(frozen=True)
class Collected:
    """What a collection brought: for each host its facts file, or the reason why there is none."""

    hosts: dict[str, Path | str]
    beside: dict[str, Path | str] = field(default_factory=dict)
    """Control planes outside the limit: asked for the cluster's facts, and not judged."""
    inventory: dict[str, list[str]] = field(default_factory=dict)
    """The hosts of every group of the whole inventory; empty where it is not known."""


def collect(
    inventory: Path,
    request: Mapping[str, Any],
    connection: Connection,
    limit: str | None,
    facts_dir: Path,
    *,
    on_event: OnEvent | None = None,
) -> Collected:
    """Write `facts_dir/<host>.json` for every host that answers, and `inventory.json` beside facts_dir.

    Args:
        inventory: an Ansible inventory, or a directory with one.
        request: what the controls need: `{"schema", "files", "limits"}`, paths relative to nothing.
        connection: how to connect.
        limit: Ansible's --limit. The facts of control planes outside of it go to `facts_dir/beside/`.
        facts_dir: an existing directory.
        on_event: called with a host and "collected", "failed: …" or "unreachable: …".

    Raises:
        InventoryError: the inventory can't be used.
        IncompleteError: Ansible failed before it asked a host.
    """
    groups_file = facts_dir.absolute().parent / "inventory.json"
    with tempfile.NamedTemporaryFile(prefix="cksharden-request-", suffix=".json") as file:
        file.write(msgspec.json.encode(check_request({**request, "cluster": True})))
        file.flush()

        def ask(limit: str | None, directory: Path) -> PlaybookResult:
            paths = {"request": file.name, "facts_dir": directory.absolute(), "inventory": groups_file}
            extra = {f"cksharden_{name}": str(path) for name, path in paths.items()}
            told = None if on_event is None else _told(on_event)
            return run_playbook(
                "collect", inventory=inventory, extra=extra, limit=limit, connection=connection, on_event=told
            )

        played = ask(limit, facts_dir)
        if not played.hosts:
            raise IncompleteError(played.error or f"Ansible ended with {played.rc} and asked no host")
        hosts = {host: _outcome(result, facts_dir) for host, result in sorted(played.hosts.items())}
        groups = read_inventory(groups_file) if groups_file.is_file() else {}
        outside = sorted(set(groups.get(CONTROL_PLANES, ())) - set(hosts)) if limit is not None else []
        beside = _beside(outside, ask, facts_dir / BESIDE) if outside else {}
    return Collected(hosts, beside, groups)


def _beside(
    outside: list[str], ask: Callable[[str, Path], PlaybookResult], directory: Path
) -> dict[str, Path | str]:
    """Ask the control planes outside the limit, too."""
    directory.mkdir(mode=0o700, exist_ok=True)
    answers = ask(",".join(outside), directory).hosts
    return {
        host: _outcome(answers[host], directory) if host in answers else "Ansible did not ask it"
        for host in outside
    }


def _outcome(result: HostResult, facts_dir: Path) -> Path | str:
    if result.status != "ok":
        return f"{result.status}: {result.message}" if result.status == "unreachable" else result.message
    path = facts_path(facts_dir, result.host)
    return path if result.answers and path.is_file() else "the node brought no facts"


def _told(on_event: OnEvent) -> OnEvent:
    """Say "collected" where a playbook says "ok"."""
    return lambda host, what: on_event(host, "collected" if what == "ok" else what)
