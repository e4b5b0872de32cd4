# SPDX-License-Identifier: Apache-2.0
"""Have the roles change what a plan says, each node by a transaction of its own."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_settings import ENCRYPTION
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import role_of
from cksharden.model import HostPlan, NodeKind, Plan
from cksharden.outcomes import carry_out
from cksharden.rundir import RunDir
from cksharden.runner import Connection, OnEvent, PlaybookResult, run_playbook


def apply(
    plan: Plan,
    run: RunDir,
    *,
    inventory: Path,
    connection: Connection,
    max_unavailable: int,
    on_event: OnEvent | None = None,
) -> tuple[str, ...]:
    """Change the hosts of a plan, in its order, and save in `apply/` what became of each.

    Returns what there is to say of the cluster's lock and of kubeadm-config.

    Args:
        plan: what to change; it lies in the run's plan.json, which the roles read.
        run: the run that the plan belongs to.
        inventory: an Ansible inventory, or a directory with one.
        connection: how to connect.
        max_unavailable: how many workers may change at once.
        on_event: called with a host and what it is at.

    Raises:
        IncompleteError: Ansible failed before it asked a host, or another run has the lock.
    """
    expected = {host: expected_roles(plan.hosts[host]) for batch in plan.order for host in batch} | _asked(
        plan
    )

    def play() -> PlaybookResult:
        return run_playbook(
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

    return carry_out(run, expected, inventory, connection, play)


def _asked(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the control planes that must say what they have, where kubeadm-config is to say it for all."""
    planes = {host: one for host, one in plan.hosts.items() if one.kind is NodeKind.CONTROL_PLANE}
    if not any(one.settings.get("static_pods_settings") for one in planes.values()):
        return {}
    return {host: expected_roles(one) for host, one in planes.items()}


def expected_roles(host: HostPlan) -> tuple[str, ...]:
    """Return the names of the transactions that a host has to answer for."""
    roles = [name.removesuffix("_settings") for name, items in host.settings.items() if items]
    if ENCRYPTION not in roles:
        return tuple(roles)
    last = 3 if "rotation" in host.settings[f"{ENCRYPTION}_settings"][0] else 2
    rounds = [role_of(number) for number in range(1, last + 1)]
    return tuple(role for role in (*roles, *rounds) if role != ENCRYPTION)
