# SPDX-License-Identifier: Apache-2.0
"""`cksharden check`."""

from __future__ import annotations

from cksharden.cli.options import Choice, Facts, Hosts, Output, Runs
from cksharden.cli.output import check_output


def check(*, hosts: Hosts, choice: Choice, runs: Runs, output: Output, facts: Facts = None) -> int:
    """Say which controls hold on every node, which do not, and why. Changes nothing."""
    check_output(output)
    from cksharden import pipeline
    from cksharden.cli.orders import finish, order
    from cksharden.cli.progress import Progress

    checked = pipeline.check(order("check", hosts, runs, choice, facts), Progress(quiet=output.quiet))
    return finish(checked.run, output)
