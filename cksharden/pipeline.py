# SPDX-License-Identifier: Apache-2.0
"""The stages in their order, and the files that carry data from one to the next."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from cksharden import __version__, apply, catalog, rollback, rundir, verify
from cksharden.collect import collect
from cksharden.errors import CkshardenError, ExitCode, FactsError, UsageError
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts, Unknown, Unreachable
from cksharden.inventory import inventory_file
from cksharden.model import Findings, Plan, Status, Verification
from cksharden.plan import make_plan
from cksharden.report import View
from cksharden.rollback import Rollback
from cksharden.rundir import RunDir
from cksharden.runner import Connection, OnEvent
from cksharden.transactions import (
    HostOutcome,
    OpenTransaction,
    OpenTransactions,
    Restorations,
    still_open,
)

STAGES = ("collect", "evaluate", "plan", "apply", "verify", "report")
RUN_FORMAT = "cksharden-run"
SCHEMA = "1.0"
TEAM_PROFILE = "profile.yml"

T = TypeVar("T")


class Watch(Protocol):
    """Whoever wants to see how far the hosts are."""

    def stage(self, name: str) -> AbstractContextManager[Callable[[str, str], None]]:
        """Watch one stage; what it returns is called with a host and what it is at."""


class RunRecord(msgspec.Struct, frozen=True):
    """`run.json`: what was asked for, by which version, and when."""

    run: str
    command: str
    version: str
    time: str
    inventory: str
    profile: str
    limit: str | None = None
    of: str | None = None
    """The earlier run that this one verifies or takes back."""
    format: str = RUN_FORMAT
    schema: str = SCHEMA


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    command: str
    runs: Path
    connection: Connection
    inventory: Path | None = None
    limit: str | None = None
    profile: str | None = None
    controls: tuple[str, ...] = ()
    facts: Path | None = None
    """A directory of facts to judge instead of collecting any."""


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
    run, facts = _first_facts(order, selection, watch)
    findings = evaluate(selection.controls, facts, run=run.run, profile=selection.profile)
    run.write("findings", findings)
    plan = make_plan(findings, selection, facts)
    run.write("plan", plan)
    return Checked(run, selection, findings, plan, _note_open(run, facts))


def change(order: Order, checked: Checked, max_unavailable: int, watch: Watch) -> None:
    """Apply the plan and verify it: what is found afterwards lies in the same run.

    Raises:
        IncompleteError: Ansible failed before it asked a host.
    """
    with watch.stage("apply") as on_event:
        apply.apply(
            checked.plan,
            checked.run,
            inventory=_inventory(order),
            connection=order.connection,
            max_unavailable=max_unavailable,
            on_event=on_event,
        )
    run = checked.run
    facts = _facts(order, checked.selection, run.make(run.facts_after), watch, "verify")
    after = evaluate(checked.selection.controls, facts, run=run.run, profile=checked.selection.profile)
    run.write("findings_after", after)
    _note_open(run, facts)
    run.write("verify", verify.compare(checked.plan, checked.findings, after, run.run))


def prove(order: Order, of: RunDir, watch: Watch) -> RunDir:
    """Collect and evaluate again what an earlier run planned, and compare; return the new run."""
    before, plan = _read(of, "findings", Findings), _read(of, "plan", Plan)
    selection = catalog.select(catalog.load_controls(), only=before.controls)
    selection = replace(selection, profile=before.profile)
    run, facts = _first_facts(order, selection, watch, of.run)
    after = evaluate(selection.controls, facts, run=run.run, profile=before.profile)
    run.write("findings", after)
    _note_open(run, facts)
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
    inventory = inventory_file(_inventory(order))
    return Rollback(of, begin(order, "", of), inventory, order.connection, order.limit, force)


def preview(begun: Rollback, on_event: OnEvent) -> Restorations:
    """Ask the nodes what a rollback would do.

    Raises:
        InventoryError: it has none of the hosts; then the run leaves nothing behind.
        IncompleteError: a node could not be asked, or none keeps anything of that run.
    """
    with _nothing_left(begun.run):
        return rollback.preview(begun, on_event)


def newest(runs: Path, command: str) -> RunDir:
    """Return the newest run of a command that changed nodes.

    Raises:
        UsageError: there is none.
    """
    for path in sorted(runs.glob("*"), reverse=True):
        run = RunDir(path)
        if (
            run.apply.is_dir()
            and run.file("run").is_file()
            and _read(run, "run", RunRecord).command == command
        ):
            return run
    raise UsageError(
        f"no {command} was run yet", file=runs, mend="name a run with --run, or its directory with --runs-dir"
    )


def choose(order: Order) -> catalog.Selection:
    """Return the controls of the order: by --profile, the inventory's profile.yml, or the default."""
    profile = order.profile
    if profile is None and order.inventory is not None:
        directory = order.inventory if order.inventory.is_dir() else order.inventory.parent
        own = directory / TEAM_PROFILE
        profile = str(own) if own.is_file() else None
    return catalog.select(catalog.load_controls(), profile or catalog.DEFAULT_PROFILE, order.controls)


def view(run: RunDir, again: str) -> View:
    """Read back all that a run has to show."""
    record = _read(run, "run", RunRecord)
    files = sorted(run.apply.glob("*.json")) if run.apply.is_dir() else []
    outcomes = [_decode(file, HostOutcome) for file in files]
    plan = _read(run, "plan", Plan) if run.file("plan").is_file() else None
    order = [host for batch in plan.order for host in batch] if plan else []
    outcomes.sort(key=lambda one: order.index(one.host) if one.host in order else len(order))
    last = "findings_after" if run.file("findings_after").is_file() else "findings"
    return View(
        run=run.run,
        command=record.command,
        inventory=record.inventory,
        findings=_read(run, last, Findings) if run.file(last).is_file() else None,
        again=again,
        plan=plan,
        outcomes=tuple(outcomes),
        restorations=_read(run, "rollback", Restorations) if run.file("rollback").is_file() else None,
        verification=_read(run, "verify", Verification) if run.file("verify").is_file() else None,
        open_transactions=_read_open(run),
        interrupted=run.apply.is_dir() and not outcomes,
    )


def exit_code(shown: View) -> ExitCode:
    """Return how the command ends: what could not be completed beats what was found."""
    findings = shown.findings
    complete = all(one.complete for one in shown.outcomes)
    conflicts = shown.restorations is not None and shown.restorations.conflicts
    if (
        not complete
        or shown.stopped
        or shown.interrupted
        or shown.open_transactions
        or conflicts
        or (findings is not None and findings.count(Status.UNKNOWN))
    ):
        return ExitCode.INCOMPLETE
    return ExitCode.FINDINGS if findings is not None and findings.count(Status.FAIL) else ExitCode.COMPLIANT


def _first_facts(
    order: Order, selection: catalog.Selection, watch: Watch, of: str | None = None
) -> tuple[RunDir, Collected]:
    """Begin a run and collect; a run that was never to be leaves nothing behind."""
    run = begin(order, selection.profile, of)
    with _nothing_left(run):
        return run, _facts(order, selection, run.make(run.facts), watch, "collect")


@contextmanager
def _nothing_left(run: RunDir) -> Iterator[None]:
    """Remove the directory of a run that ends by a wrong command line or file."""
    try:
        yield
    except CkshardenError as error:
        if error.exit_code is ExitCode.USAGE:
            shutil.rmtree(run.path)
        raise


def _note_open(run: RunDir, facts: Collected) -> tuple[OpenTransaction, ...]:
    """Return what has not ended on the nodes, and keep it in the run where there is or was any."""
    found: list[OpenTransaction] = []
    for host, node in facts.items():
        if isinstance(node, Unreachable) or "transactions" not in node.sections:
            continue  # unknown already, or facts that were recorded without it
        try:
            found += still_open(host, node.section("transactions"))
        except Unknown as why:
            found.append(OpenTransaction(host, reason=str(why)))
    if found or run.file("transactions").is_file():
        run.write("transactions", OpenTransactions(tuple(found)))
    return tuple(found)


def _read_open(run: RunDir) -> tuple[OpenTransaction, ...]:
    if not run.file("transactions").is_file():
        return ()
    return _read(run, "transactions", OpenTransactions).transactions


def begin(order: Order, profile: str, of: str | None = None) -> RunDir:
    """Create the directory of a run, with its run.json."""
    now = datetime.now(UTC)
    run = rundir.create_run(order.runs, now)
    inventory = str(order.inventory.absolute()) if order.inventory else ""
    time = now.isoformat(timespec="seconds")
    run.write(
        "run", RunRecord(run.run, order.command, __version__, time, inventory, profile, order.limit, of)
    )
    return run


def _inventory(order: Order) -> Path:
    if order.inventory is None:
        raise UsageError("no inventory was given", mend="name an Ansible inventory, like inventories/lab")
    return order.inventory


def _facts(
    order: Order, selection: catalog.Selection, directory: Path, watch: Watch, stage: str
) -> Collected:
    if order.facts is not None:
        recorded = rundir.read_facts_dir(order.facts)
        return {host: NodeFacts(host, facts["sections"]) for host, facts in recorded.items()}
    with watch.stage(stage) as on_event:
        collected = collect(
            _inventory(order),
            selection.request(),
            order.connection,
            order.limit,
            directory,
            on_event=on_event,
        )
    return {host: _node(host, brought) for host, brought in collected.hosts.items()}


def _node(host: str, brought: Path | str) -> NodeFacts | Unreachable:
    if isinstance(brought, str):
        return Unreachable(host, brought)
    try:
        return NodeFacts(host, rundir.read_facts(brought)["sections"])
    except FactsError as error:
        return Unreachable(host, error.message)


def _read(run: RunDir, stage: str, kind: type[T]) -> T:
    return _decode(run.file(stage), kind)


def _decode(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(
            f"can't be read: {error.strerror}", file=file, mend="the run did not come to that"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(str(error), file=file, mend="use the version of cksharden that wrote it") from error
