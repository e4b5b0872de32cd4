# SPDX-License-Identifier: Apache-2.0
"""From the options of a verb to what the pipeline takes, and from its runs to what is shown."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cksharden import records
from cksharden.cli.options import RUNS_DIR_VARIABLE, Choice, Hosts, Output, Runs
from cksharden.cli.output import say, show
from cksharden.errors import UsageError
from cksharden.model import Plan
from cksharden.order import Order
from cksharden.rundir import RunDir
from cksharden.runner import Connection

NEW_KEY_CONTROL = "apiserver_encryption_provider"


def order(
    command: str,
    hosts: Hosts,
    runs: Runs,
    choice: Choice | None = None,
    facts: Path | None = None,
    *,
    new_key: bool = False,
) -> Order:
    """Return the order of a verb.

    Raises:
        CkshardenError: there is neither an inventory nor facts, or a file that is named does not exist.
    """
    if facts is not None and hosts.limit is not None:
        raise UsageError("recorded facts are judged as they are", key="--limit", mend="leave it out")
    return Order(
        command=command,
        runs=runs.runs_dir,
        connection=hosts.reached() if facts is None else Connection(),
        inventory=hosts.inventory,
        limit=hosts.limit,
        profile=choice.profile if choice else None,
        controls=tuple(choice.control or ()) if choice else (),
        facts=facts,
        new_key=new_key,
    )


def check_new_key(plan: Plan) -> None:
    """Refuse to go on without the new key that was asked for. Raises UsageError."""
    hosts = plan.hosts.values()
    items = [item for host in hosts for item in host.settings.get("encryption_settings", ())]
    if any(item.get("rotation") == "begin" for item in items):
        return
    told = {one.reason for host in hosts for one in host.left_out if one.control == NEW_KEY_CONTROL}
    reason = "; ".join(sorted(told)) or f"{NEW_KEY_CONTROL} is not asked of any control plane"
    mend = f"name it with --control {NEW_KEY_CONTROL}, or see why with `cksharden plan`"
    raise UsageError(f"no key can be made: {reason}", key="--new-encryption-key", mend=mend)


@contextmanager
def traced(wanted: Order, run: str, of: str) -> Iterator[None]:
    """Name, where the block is interrupted, the run that was changing nodes and the ways on from there.

    Args:
        wanted: the order of the run.
        run: its id.
        of: id of the run that a rollback would take back.
    """
    try:
        yield
    except KeyboardInterrupt:
        where = shlex.quote(str(wanted.inventory))
        if wanted.limit is not None:
            where += f" --limit {shlex.quote(wanted.limit)}"
        say(
            f"cksharden: run {run} was interrupted while it was changing nodes.\n"
            f"  see what is there now: `cksharden check {where}`\n"
            f"  put back what was changed: `cksharden rollback {where} --run {of}`\n"
            "  its lock of the cluster is taken over by the next run from this machine"
        )
        raise


def finish(run: RunDir, output: Output) -> int:
    """Show a run; return its exit code."""
    view = records.view(run, again(run))
    show(view, output)
    return records.exit_code(view)


def again(run: RunDir) -> str:
    """Return the command that shows a run again from here."""
    usual = Path(os.environ.get(RUNS_DIR_VARIABLE) or Runs().runs_dir)
    where = "" if run.path.parent == usual else f" --runs-dir {shlex.quote(str(run.path.parent))}"
    return f"cksharden report {run.run}{where}"
