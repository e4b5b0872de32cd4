# SPDX-License-Identifier: Apache-2.0
"""`cksharden unlock`."""

from __future__ import annotations

from typing import Annotated

import typer

from cksharden.cli import completion
from cksharden.cli.options import Hosts, Runs
from cksharden.cli.output import write
from cksharden.errors import ExitCode, UsageError

EXAMPLES = ("cksharden unlock inventories/production --run 20261123T132000Z-1a2b3c",)


def unlock(
    *,
    hosts: Hosts,
    runs: Runs,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The run that a refusal named as the holder of the lock; without it the newest are listed.",
            autocompletion=completion.runs,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Remove the lock of a cluster whose run is no more.

    A run leaves it when its controller goes away. Refused, with exit code 3, while a node has an
    open transaction, while the run is still at work on this machine, and where another run holds the
    lock. Every node of the inventory is asked; leave out with --limit one that is gone for good. Where
    there is no lock it says so and exits with 0.
    """
    from cksharden import lock, records
    from cksharden.cli.progress import Progress
    from cksharden.report.sheet import clean

    inventory = hosts.path()
    if run is None:
        mend = records.that_would_do(runs.runs_dir, "apply", "rollback")
        raise UsageError(
            "name the run that holds the lock: a refusal names it, and `check` does", key="--run", mend=mend
        )
    connection = hosts.reached()
    with Progress(quiet=quiet).stage("unlock") as on_event:
        told = lock.unlock(run, inventory, connection, hosts.limit, on_event)
    write(f"{clean(told)}\n")
    return ExitCode.COMPLIANT
