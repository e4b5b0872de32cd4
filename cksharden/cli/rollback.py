# SPDX-License-Identifier: Apache-2.0
"""`cksharden rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from cksharden.cli.options import Hosts, MaxUnavailable, Output, Runs, Yes
from cksharden.cli.output import check_output, require_consent


def rollback(
    *,
    hosts: Hosts,
    runs: Runs,
    output: Output,
    run: Annotated[str, typer.Option(metavar="RUN", help="The apply to take back.")],
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what was changed since that run.")
    ] = False,
    max_unavailable: MaxUnavailable = 1,
    yes: Yes = False,
) -> int:
    """Put back every file that a run changed, as it was, each node by a transaction of its own."""
    check_output(output)
    require_consent(yes=yes, verb="rollback")
    return 3
