# SPDX-License-Identifier: Apache-2.0
"""`cksharden rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cksharden.cli import completion
from cksharden.cli.options import Format, Hosts, MaxUnavailable, Output, Runs, Yes
from cksharden.cli.output import agreed, check_output, require_consent, say, show_restorations
from cksharden.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from cksharden.transactions import Restorations

EXAMPLES = (
    "cksharden rollback inventories/production --run 20261123T132000Z-1a2b3c",
    "cksharden rollback inventories/production --run 20261123T132000Z-1a2b3c -l w1",
)


def rollback(
    *,
    hosts: Hosts,
    runs: Runs,
    output: Output,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The apply to take back; without it the newest are listed.",
            autocompletion=completion.runs,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what was changed since that run.")
    ] = False,
    max_unavailable: MaxUnavailable = 1,
    yes: Yes = False,
) -> int:
    """Put back every file that an apply changed, as it was.

    Each node does so by a transaction of its own. Answering no changes nothing, and exits with 0.
    """
    check_output(output)
    from cksharden import pipeline, records
    from cksharden.cli.orders import finish, order, traced
    from cksharden.cli.progress import Progress
    from cksharden.rollback import take_back

    hosts.path()
    if run is None:
        mend = records.that_would_do(runs.runs_dir, "apply")
        raise UsageError("name the run that is to be taken back", key="--run", mend=mend)
    require_consent(yes=yes, verb="rollback")
    progress = Progress(quiet=output.quiet)
    wanted = order("rollback", hosts, runs)
    begun = pipeline.begin_rollback(wanted, run, force=force)
    with progress.stage("look") as on_event:
        found = pipeline.preview(begun, on_event)
    if not found.changes or found.conflicts:
        return finish(begun.run, output)
    if not yes or output.format is Format.TEXT:
        show_restorations(found, output)
    if not agreed(_question(found), yes=yes):
        say("cksharden: nothing was changed")
        return ExitCode.COMPLIANT
    with traced(wanted, begun.run.run, run), progress.stage("rollback") as on_event:
        notices = take_back(begun, found, max_unavailable, on_event)
    for told in notices:
        say(f"cksharden: {told}")
    return finish(begun.run, output)


def _question(found: Restorations) -> str:
    names = [host.host for host in found.hosts if host.files("restore", "moved")]
    told = [f"{len(names)} hosts ({', '.join(names)})"] if names else []
    if found.configuration is not None and found.configuration.config in ("back", "later"):
        told.append("kubeadm-config")
    return f"Put back {' and '.join(told)}?"
