# SPDX-License-Identifier: Apache-2.0
"""`cksharden report`."""

from __future__ import annotations

from typing import Annotated

import typer

from cksharden.cli.options import Output, Runs
from cksharden.cli.output import check_output


def report(
    run: Annotated[str, typer.Argument(help="The id of a run, as every command prints it.")],
    runs: Runs,
    output: Output,
) -> int:
    """Show an earlier run again; reaches no node. Exits as that run did."""
    check_output(output)
    from cksharden.cli.orders import finish
    from cksharden.rundir import open_run

    return finish(open_run(runs.runs_dir, run), output)
