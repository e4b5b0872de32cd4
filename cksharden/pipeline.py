# SPDX-License-Identifier: Apache-2.0
"""The stages in their order, and the files that carry data from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cksharden import apply, catalog, gather, records, rollback, rundir, verify
from cksharden.evaluate import evaluate
from cksharden.inventory import inventory_file
from cksharden.model import Findings, Plan
from cksharden.order import Order, Watch, choose
from cksharden.plan import make_plan
from cksharden.rollback import Rollback
from cksharden.rundir import RunDir
from cksharden.runner import OnEvent
from cksharden.transactions import OpenTransaction, Restorations

STAGES = ("collect", "evaluate", "plan", "apply", "verify", "report")


@dataclass(frozen=True)
class Checked:
    """What the first three stages made."""

    run: RunDir
    selection: catalog.Selection
    findings: Findings
    plan: Plan
    open: tuple[OpenTransaction, ...]
    """What has not ended on the nodes; a node with one of these refuses another."""


def check(order: Order, watch: Watch) -> Checked:
    """Collect, evaluate and plan; nothing is changed on any node.

    Raises:
        CkshardenError: something that was named can't be used, or no host could be asked.
    """
    selection = choose(order)
    run, facts = gather.begun(order, selection, watch)
    findings = evaluate(selection.controls, facts, run=run.run, profile=selection.profile)
    run.write("findings", findings)
    plan = make_plan(findings, selection, facts)
    run.write("plan", plan)
    return Checked(run, selection, findings, plan, gather.note_open(run, facts))


def change(order: Order, checked: Checked, max_unavailable: int, watch: Watch) -> None:
    """Apply the plan and verify it: what is found afterwards lies in the same run.

    Raises:
        IncompleteError: Ansible failed before it asked a host.
    """
    with watch.stage("apply") as on_event:
        apply.apply(
            checked.plan,
            checked.run,
            inventory=order.required_inventory(),
            connection=order.connection,
            max_unavailable=max_unavailable,
            on_event=on_event,
        )
    run = checked.run
    facts = gather.facts(order, checked.selection, run.make(run.facts_after), watch, "verify")
    after = evaluate(checked.selection.controls, facts, run=run.run, profile=checked.selection.profile)
    run.write("findings_after", after)
    gather.note_open(run, facts)
    run.write("verify", verify.compare(checked.plan, checked.findings, after, run.run))


def prove(order: Order, of: RunDir, watch: Watch) -> RunDir:
    """Collect and evaluate again what an earlier run planned, and compare; return the new run."""
    before, plan = records.read(of, "findings", Findings), records.read(of, "plan", Plan)
    selection = catalog.select(catalog.load_controls(), only=before.controls)
    selection = replace(selection, profile=before.profile)
    run, facts = gather.begun(order, selection, watch, of.run)
    after = evaluate(selection.controls, facts, run=run.run, profile=before.profile)
    run.write("findings", after)
    gather.note_open(run, facts)
    if order.limit is not None:
        plan, before = verify.narrow(plan, before, after.hosts)
    run.write("verify", verify.compare(plan, before, after, of.run))
    return run


def begin_rollback(order: Order, of: str, *, force: bool) -> Rollback:
    """Begin a run that takes another one back; its id is all that has to be known of that.

    Raises:
        UsageError: no inventory, or what can't be the id of a run.
    """
    rundir.check_run_id(of)
    inventory = inventory_file(order.required_inventory())
    return Rollback(of, records.begin(order, "", of), inventory, order.connection, order.limit, force)


def preview(begun: Rollback, on_event: OnEvent) -> Restorations:
    """Ask the nodes what a rollback would do.

    Raises:
        InventoryError: it has none of the hosts; then the run leaves nothing behind.
        IncompleteError: a node could not be asked, or none keeps anything of that run.
    """
    with gather.nothing_left(begun.run):
        return rollback.preview(begun, on_event)
