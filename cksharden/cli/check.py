# SPDX-License-Identifier: Apache-2.0
"""`cksharden check`."""

from __future__ import annotations

from cksharden.cli.options import Choice, Facts, Hosts, Output, Runs
from cksharden.cli.output import check_output

EXAMPLES = (
    "cksharden check inventories/production",
    "cksharden check inventories/production --limit w1 --control kubelet_tls_min_version",
    "cksharden check inventories/production --format json --output report.json",
    "cksharden check --facts runs/20261123T132000Z-1a2b3c/facts",
)


def check(*, hosts: Hosts, choice: Choice, runs: Runs, output: Output, facts: Facts = None) -> int:
    """Say which controls hold on every node, which do not, and why. Changes nothing."""
    check_output(output)
    from cksharden import pipeline
    from cksharden.cli.orders import finish, order
    from cksharden.cli.progress import Progress

    checked = pipeline.check(order("check", hosts, runs, choice, facts), Progress(quiet=output.quiet))
    return finish(checked.run, output)
