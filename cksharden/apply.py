# SPDX-License-Identifier: Apache-2.0
"""Have the roles change what a plan says, each node by a transaction of its own."""

from __future__ import annotations

from pathlib import Path

from cksharden.model import HostPlan, Plan
from cksharden.outcomes import host_outcomes, save
from cksharden.rundir import RunDir
from cksharden.runner import Connection, OnEvent, run_playbook
from cksharden.transactions import HostOutcome


def apply(
    plan: Plan,
    run: RunDir,
    *,
    inventory: Path,
    connection: Connection,
    max_unavailable: int,
    on_event: OnEvent | None = None,
) -> tuple[HostOutcome, ...]:
    """Change the hosts of a plan, in its order; return what became of each and save it in `apply/`.

    Args:
        plan: what to change; it lies in the run's plan.json, which the roles read.
        run: the run that the plan belongs to.
        inventory: an Ansible inventory, or a directory with one.
        connection: how to connect.
        max_unavailable: how many workers may change at once.
        on_event: called with a host and what it is at.

    Raises:
        IncompleteError: Ansible failed before it asked a host.
    """
    # It marks a run that began to change nodes, also where nothing lives to write into it.
    run.make(run.apply)
    expected = {host: _roles(plan.hosts[host]) for batch in plan.order for host in batch}
    played = run_playbook(
        "harden",
        inventory=inventory,
        extra={
            "cksharden_plan": str(run.file("plan").absolute()),
            "cksharden_run": run.run,
            "cksharden_max_unavailable": max_unavailable,
        },
        limit=",".join(expected),
        connection=connection,
        on_event=on_event,
    )
    return save(run, host_outcomes(played, expected))


def _roles(host: HostPlan) -> tuple[str, ...]:
    return tuple(name.removesuffix("_settings") for name, items in host.settings.items() if items)
