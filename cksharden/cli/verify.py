# SPDX-License-Identifier: Apache-2.0
"""`cksharden verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from cksharden.cli import completion
from cksharden.cli.options import Hosts, Output, Runs
from cksharden.cli.output import check_output

EXAMPLES = (
    "cksharden verify inventories/production",
    "cksharden verify inventories/production --run 20261123T132000Z-1a2b3c",
)


def verify(
    *,
    hosts: Hosts,
    runs: Runs,
    output: Output,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="An apply; the newest is the default.", autocompletion=completion.runs
        ),
    ] = None,
) -> int:
    """Look again whether what an apply changed still holds. Changes nothing.

    Says, too, what has become worse since, and what can't be told.
    """
    check_output(output)
    from cksharden import pipeline, records
    from cksharden.cli.orders import finish, order
    from cksharden.cli.progress import Progress

    hosts.path()
    found = records.named(runs.runs_dir, run, "apply") if run else records.newest(runs.runs_dir, "apply")
    wanted = order("verify", hosts, runs)
    return finish(pipeline.prove(wanted, found, Progress(quiet=output.quiet)), output)
