# SPDX-License-Identifier: Apache-2.0
"""What a run keeps in its directory: written when it begins, read back to be shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from cksharden import __version__, rundir
from cksharden.errors import ExitCode, UsageError
from cksharden.model import Findings, Plan, Status, Verification
from cksharden.order import Order
from cksharden.report import View
from cksharden.rundir import RunDir
from cksharden.transactions import HostOutcome, OpenTransaction, OpenTransactions, Preparations, Restorations

RUN_FORMAT = "cksharden-run"
SCHEMA = "1.0"
_LISTED = 5

T = TypeVar("T")


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


def newest(runs: Path, command: str | None = None) -> RunDir:
    """Return the newest run, or the newest of a command that changed nodes.

    Raises:
        UsageError: there is none.
    """
    for run in rundir.kept_runs(runs):
        if command is None or _changed(run, (command,)):
            return run
    what = f"no {command} was run yet" if command else "nothing was run yet"
    raise UsageError(what, file=runs, mend="name a run, or the directory of runs with --runs-dir")


def named(runs: Path, run: str, command: str) -> RunDir:
    """Return a run by its id, if it is one of a command that changed nodes.

    Raises:
        UsageError: there is no such run, or it is another one.
    """
    found = rundir.open_run(runs, run)
    if not _changed(found, (command,)):
        what = f"{run} ({read(found, 'run', RunRecord).command}) is no {command} that changed nodes"
        raise UsageError(what, key="--run", mend=that_would_do(runs, command))
    return found


def that_would_do(runs: Path, *commands: str) -> str:
    """Return the mend that lists the newest runs of commands that changed nodes."""
    found = [run for run in rundir.kept_runs(runs) if _changed(run, commands)][:_LISTED]
    if not found:
        return f"no {' or '.join(commands)} was run yet; name the directory of runs with --runs-dir"
    return "\n    ".join(["the newest that would do:", *map(_listed, found)])


def _changed(run: RunDir, commands: tuple[str, ...]) -> bool:
    return run.apply.is_dir() and read(run, "run", RunRecord).command in commands


def _listed(run: RunDir) -> str:
    record = read(run, "run", RunRecord)
    limit = f" --limit {record.limit}" if record.limit is not None else ""
    return f"{run.run}  {record.time[:16].replace('T', ' ')} UTC  {record.command} {record.inventory}{limit}"


def view(run: RunDir, again: str) -> View:
    """Read back all that a run has to show."""
    record = read(run, "run", RunRecord)
    files = sorted(run.apply.glob("*.json")) if run.apply.is_dir() else []
    outcomes = [_decode(file, HostOutcome) for file in files]
    plan = read(run, "plan", Plan) if run.file("plan").is_file() else None
    order = [host for batch in plan.order for host in batch] if plan else []
    outcomes.sort(key=lambda one: order.index(one.host) if one.host in order else len(order))
    last = "findings_after" if run.file("findings_after").is_file() else "findings"
    return View(
        run=run.run,
        command=record.command,
        inventory=record.inventory,
        findings=read(run, last, Findings) if run.file(last).is_file() else None,
        again=again,
        plan=plan,
        outcomes=tuple(outcomes),
        restorations=read(run, "rollback", Restorations) if run.file("rollback").is_file() else None,
        preparations=read(run, "prepare", Preparations) if run.file("prepare").is_file() else None,
        verification=read(run, "verify", Verification) if run.file("verify").is_file() else None,
        open_transactions=_read_open(run),
        interrupted=run.apply.is_dir() and not outcomes,
    )


def exit_code(shown: View) -> ExitCode:
    """Return how the command ends: what could not be completed beats what was found."""
    findings = shown.findings
    complete = all(one.complete for one in shown.outcomes)
    conflicts = any(one is not None and one.conflicts for one in (shown.restorations, shown.preparations))
    unproved = shown.verification is not None and shown.verification.unknown
    if (
        not complete
        or shown.stopped
        or shown.interrupted
        or shown.open_transactions
        or conflicts
        or unproved
        or (findings is not None and findings.count(Status.UNKNOWN))
    ):
        return ExitCode.INCOMPLETE
    return ExitCode.FINDINGS if findings is not None and findings.count(Status.FAIL) else ExitCode.COMPLIANT


def read(run: RunDir, stage: str, kind: type[T]) -> T:
    """Return what a stage wrote. Raises UsageError."""
    return _decode(run.file(stage), kind)


def _read_open(run: RunDir) -> tuple[OpenTransaction, ...]:
    if not run.file("transactions").is_file():
        return ()
    return read(run, "transactions", OpenTransactions).transactions


def _decode(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(
            f"can't be read: {error.strerror}", file=file, mend="the run did not come to that"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(str(error), file=file, mend="use the version of cksharden that wrote it") from error
