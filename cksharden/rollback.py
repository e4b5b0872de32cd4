# SPDX-License-Identifier: Apache-2.0
"""Take a run back, each node by a transaction of its own, from what the nodes themselves have kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import ROUNDS, role_of
from cksharden import configuration
from cksharden.ansible_inventory import listed, members
from cksharden.errors import IncompleteError
from cksharden.inventory import CONTROL_PLANES
from cksharden.outcomes import carry_out
from cksharden.rundir import RunDir
from cksharden.runner import Connection, HostResult, OnEvent, PlaybookResult, run_playbook
from cksharden.transactions import HostRestoration, Restoration, Restorations


@dataclass(frozen=True)
class Rollback:
    """Which run is to be taken back, where, and in which run of its own."""

    of: str
    run: RunDir
    inventory: Path
    connection: Connection
    limit: str | None
    force: bool


def preview(rollback: Rollback, on_event: OnEvent | None = None) -> Restorations:
    """Ask the nodes what the rollback would do; save it in the run's rollback.json and return it.

    Raises:
        IncompleteError: a node could not be asked, or none keeps anything of that run, or not every
            control plane would take part in what takes a key away.
    """
    played = _play(rollback, {}, on_event, check=True)
    failed = {host: result.message for host, result in played.hosts.items() if result.status != "ok"}
    if failed or not played.hosts:
        told = "; ".join(f"{host}: {message}" for host, message in failed.items())
        mend = "nothing was changed; leave these out with --limit to take back the others"
        raise IncompleteError(told or played.error, mend=mend)
    hosts = tuple(_restoration(result) for result in played.hosts.values())
    _require_every_reader(rollback, hosts)
    answers = configuration.answers(played)
    if not answers and not any(host.known for host in hosts):
        names = ", ".join(sorted(host.host for host in hosts))
        mend = "nodes keep their last five runs; nothing was changed"
        raise IncompleteError(f"none of {names} keeps anything of run {rollback.of}", mend=mend)
    found = Restorations(rollback.of, rollback.force, hosts, answers[0] if answers else None)
    rollback.run.write("rollback", found)
    return found


def take_back(
    rollback: Rollback, found: Restorations, max_unavailable: int, on_event: OnEvent | None = None
) -> tuple[str, ...]:
    """Put the files back, and save in `apply/` what became of each host.

    Returns what there is to say of the cluster's lock and of kubeadm-config.

    Raises:
        IncompleteError: Ansible failed before it asked a host, or another run has the lock.
    """
    expected = {host.host: tuple(role for role, files in host.roles.items() if files) for host in found.hosts}
    extra = {"cksharden_max_unavailable": max_unavailable}
    return carry_out(
        rollback.run,
        expected,
        rollback.inventory,
        rollback.connection,
        lambda: _play(rollback, extra, on_event, check=False),
    )


def lacking_readers(hosts: tuple[HostRestoration, ...], planes: set[str]) -> set[str]:
    """Return the control planes that would go on writing by a key which the others no longer have. Pure.

    hosts: what each keeps of the run; planes: those of the inventory, where some may be left out.
    """
    roles = {role_of(number) for number in ROUNDS}
    asked = {
        host.host: [files for role, files in host.roles.items() if role in roles]
        for host in hosts
        if roles & host.roles.keys()
    }
    kept = [file for rounds in asked.values() for files in rounds for file in files]
    if all(file.status == "as_before" for file in kept):
        return set()
    return {host for host, rounds in asked.items() if not any(rounds)} | (planes - asked.keys())


def _require_every_reader(rollback: Rollback, hosts: tuple[HostRestoration, ...]) -> None:
    """Refuse to take a key from some control planes alone: nobody could list secrets any more.

    Raises:
        IncompleteError: a control plane is left out, or keeps nothing of the run's encryption.
    """
    planes: set[str] = set()
    if rollback.limit is not None:
        groups = listed(rollback.inventory, rollback.connection)
        planes = members(groups, CONTROL_PLANES) or members(groups, "all")
    lacking = lacking_readers(hosts, planes)
    if lacking:
        raise IncompleteError(
            f"run {rollback.of} encrypted what etcd stores, and goes back on all control planes or on none: "
            f"{', '.join(sorted(lacking))} would go on writing by a key that the others no longer have",
            mend="nothing was changed; leave --limit out, and see docs/control-plane.md, The way back, "
            "where a control plane joined after the run",
        )


def _play(
    rollback: Rollback, extra: Mapping[str, int], on_event: OnEvent | None, *, check: bool
) -> PlaybookResult:
    own: dict[str, str | int] = {
        "cksharden_rollback_run": rollback.of,
        "cksharden_run": rollback.run.run,
        "cksharden_force": int(rollback.force),
    }
    return run_playbook(
        "rollback",
        inventory=rollback.inventory,
        extra=own | dict(extra),
        limit=rollback.limit,
        connection=rollback.connection,
        on_event=on_event,
        check=check,
    )


def _restoration(result: HostResult) -> HostRestoration:
    """Read what node_rollback answers in check mode, once for each role."""
    answers = [answer for answer in result.answers if "files" in answer]
    roles = {
        str(answer["role"]): msgspec.convert(answer["files"], tuple[Restoration, ...]) for answer in answers
    }
    return HostRestoration(result.host, any(answer.get("known") for answer in answers), roles)
