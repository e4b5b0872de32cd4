# SPDX-License-Identifier: Apache-2.0
"""`cksharden plan`."""

from __future__ import annotations

from cksharden.cli.options import Choice, Facts, Hosts, NewKey, Output, Runs
from cksharden.cli.output import check_output

EXAMPLES = (
    "cksharden plan inventories/production",
    "cksharden plan inventories/production --profile cis_1_12 | less",
    "cksharden plan --facts runs/20261123T132000Z-1a2b3c/facts",
)


def plan(
    *,
    hosts: Hosts,
    choice: Choice,
    runs: Runs,
    output: Output,
    new_encryption_key: NewKey = False,
    facts: Facts = None,
) -> int:
    """Show every file that apply would write, as a diff.

    And what it would restart, in which order. Changes nothing.
    """
    check_output(output)
    from cksharden import pipeline
    from cksharden.cli.orders import check_new_key, finish, order
    from cksharden.cli.progress import Progress

    wanted = order("plan", hosts, runs, choice, facts, new_key=new_encryption_key)
    checked = pipeline.check(wanted, Progress(quiet=output.quiet))
    if new_encryption_key:
        check_new_key(checked.plan)
    return finish(checked.run, output)
