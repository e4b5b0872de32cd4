# SPDX-License-Identifier: Apache-2.0
"""The stages in their order, and the files that carry data from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from cksharden import apply, gather, policy, prepare, records, rollback, rundir, verify
from cksharden.catalog import load_controls
from cksharden.evaluate import evaluate
from cksharden.inventory import CONTROL_PLANES, inventory_file, left_out
from cksharden.model import Findings, Plan
from cksharden.order import Order, Watch, choose
from cksharden.plan import make_plan
from cksharden.policy import Policy, Selection
from cksharden.prepare import Prepare
from cksharden.rollback import Rollback
from cksharden.rundir import RunDir
from cksharden.runner import OnEvent
from cksharden.transactions import OpenTransaction, Preparations, Restorations
from cksharden.waivers import InForce, Waivers

_NO_INVENTORY = "no inventory was named, so no profile.yml or waivers.yml was read"
STAGES = ("collect", "evaluate", "plan", "apply", "verify", "report")


@dataclass(frozen=True)
class Checked:
    """What the first three stages made."""

    run: RunDir
    selection: Selection
    waivers: InForce
    findings: Findings
    plan: Plan
    open: tuple[OpenTransaction, ...]
    """What has not ended on the nodes; a node with one of these refuses another."""


def check(order: Order, watch: Watch) -> Checked:
    """Collect, evaluate and plan; nothing is changed on any node.

    Raises:
        CkshardenError: something that was named can't be used, or no host could be asked.
    """
    selection, waivers, notes = _chosen(order)
    run, facts = gather.begun(order, selection, watch)
    with gather.nothing_left(run):
        inventory = gather.inventory(run)
        selection.check(inventory)
        waivers.check(inventory)
        held = waivers.on(_today())
        notes += left_out(inventory)
        findings = evaluate(selection, facts, run=run.run, waivers=held, notes=notes)
    run.write("policy", policy.record(selection, held.waivers))
    run.write("findings", findings)
    lacking = tuple(host for host in inventory.get(CONTROL_PLANES, ()) if host not in facts)
    plan = make_plan(findings, selection, facts, lacking=lacking, new_key=order.new_key)
    run.write("plan", plan)
    return Checked(run, selection, held, findings, plan, gather.note_open(run, facts))


def change(order: Order, checked: Checked, max_unavailable: int, watch: Watch) -> tuple[str, ...]:
    """Apply the plan and verify it: what is found afterwards lies in the same run.

    Returns what there is to say of the cluster's lock and of kubeadm-config.

    Raises:
        IncompleteError: Ansible failed before it asked a host, or another run has the lock.
    """
    with watch.stage("apply") as on_event:
        told = apply.apply(
            checked.plan,
            checked.run,
            inventory=order.required_inventory(),
            connection=order.connection,
            max_unavailable=max_unavailable,
            on_event=on_event,
        )
    run = checked.run
    facts = gather.facts(order, checked.selection, run.make(run.facts_after), watch, "verify")
    notes = left_out(gather.inventory(run))
    after = evaluate(checked.selection, facts, run=run.run, waivers=checked.waivers, notes=notes)
    run.write("findings_after", after)
    gather.note_open(run, facts)
    run.write("verify", verify.compare(checked.plan, checked.findings, after, run.run))
    return told


def prove(order: Order, of: RunDir, watch: Watch) -> RunDir:
    """Collect and evaluate again what an earlier run planned, and compare; return the new run.

    What was asked of which host then is asked now, whatever profile and waivers say today.
    """
    before, plan = records.read(of, "findings", Findings), records.read(of, "plan", Plan)
    selection, waivers = _recorded(of)
    run, facts = gather.begun(order, selection, watch, of.run)
    held = waivers.on(_today())
    with gather.nothing_left(run):
        notes = left_out(gather.inventory(run))
        after = evaluate(selection, facts, run=run.run, waivers=held, notes=notes)
    run.write("policy", policy.record(selection, held.waivers))
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


def begin_prepare(order: Order) -> Prepare:
    """Begin a run that places files on the machines of the order's limit.

    Raises:
        UsageError: no inventory.
    """
    inventory = inventory_file(order.required_inventory())
    return Prepare(records.begin(order, ""), inventory, order.connection, order.limit or "")


def preview_prepare(begun: Prepare, on_event: OnEvent) -> Preparations:
    """Ask what would be placed.

    Raises:
        InventoryError: it has none of the hosts; then the run leaves nothing behind.
        IncompleteError: a machine, or no control plane, could be asked.
    """
    with gather.nothing_left(begun.run):
        return prepare.preview(begun, on_event)


def _chosen(order: Order) -> tuple[Selection, Waivers, tuple[str, ...]]:
    """Return the controls of an order, what is excepted from them, and what there is to say of that.

    The facts of a run are judged by what that run asked, unless something else is named.
    """
    if order.facts is None or order.inventory is not None:
        return (*choose(order), ())
    of = RunDir(order.facts.absolute().parent)
    if order.profile is None and not order.controls and of.file("policy").is_file():
        return (*_recorded(of), ())
    return (*choose(order), (_NO_INVENTORY,))


def _recorded(of: RunDir) -> tuple[Selection, Waivers]:
    """Return what an earlier run asked of which host, and what was excepted."""
    asked = records.read(of, "policy", Policy)
    places = (str(of.file("policy")),) * len(asked.waivers)
    return policy.recorded(asked, load_controls()), Waivers(asked.waivers, places)


def _today() -> date:
    """Return the day at the controller, by which a waiver ends."""
    return datetime.now(UTC).astimezone().date()
