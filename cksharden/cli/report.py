# SPDX-License-Identifier: Apache-2.0
"""`cksharden report`."""

from __future__ import annotations

from typing import Annotated

import typer

from cksharden.cli import completion
from cksharden.cli.options import Output, Runs
from cksharden.cli.output import check_output

_CHANGING = ("apply", "rollback")

EXAMPLES = (
    "cksharden report",
    "cksharden report apply --all",
    "cksharden report 20261123T132000Z-1a2b3c --format json",
)


def report(
    *,
    runs: Runs,
    output: Output,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=completion.runs,
            help="The id of a run; or `apply` or `rollback`, the newest of those. By default the newest run.",
        ),
    ] = None,
) -> int:
    """Show an earlier run again; reaches no node. Exits as that run did."""
    check_output(output)
    from cksharden import records
    from cksharden.cli.orders import finish
    from cksharden.rundir import check_run_id, open_run

    if run is None or run in _CHANGING:
        return finish(records.newest(runs.runs_dir, run), output)
    check_run_id(run, "RUN", or_else=", or is `apply` or `rollback`; without one the newest run is shown")
    return finish(open_run(runs.runs_dir, run), output)
