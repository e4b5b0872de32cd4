# SPDX-License-Identifier: Apache-2.0
"""`cksharden apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cksharden.cli.options import Choice, Format, Hosts, MaxUnavailable, NewKey, Output, Runs, Yes
from cksharden.cli.output import agreed, check_output, require_consent, say, show_plan

if TYPE_CHECKING:
    from cksharden.pipeline import Checked

EXAMPLES = (
    "cksharden apply inventories/production --limit w1",
    "cksharden apply inventories/production -K --max-unavailable 3",
    "cksharden apply inventories/production --yes",
    "cksharden apply inventories/production --control apiserver_encryption_provider --new-encryption-key",
)


def apply(
    *,
    hosts: Hosts,
    choice: Choice,
    runs: Runs,
    output: Output,
    max_unavailable: MaxUnavailable = 1,
    new_encryption_key: NewKey = False,
    yes: Yes = False,
) -> int:
    """Show the plan, ask, change the nodes, and prove it.

    Each node changes by a transaction of its own; the proof is another look at it.
    Answering no changes nothing, and exits as a check does.
    """
    check_output(output)
    hosts.path()
    require_consent(yes=yes, verb="apply")
    from cksharden import pipeline, records
    from cksharden.cli.orders import again, check_new_key, finish, order, traced
    from cksharden.cli.progress import Progress
    from cksharden.report.outcome import open_words
    from cksharden.report.planned import nothing_planned

    progress = Progress(quiet=output.quiet)
    wanted = order("apply", hosts, runs, choice, new_key=new_encryption_key)
    checked = pipeline.check(wanted, progress)
    if new_encryption_key:
        check_new_key(checked.plan)
    if not checked.plan.changes:
        say(f"cksharden: {nothing_planned(checked.plan, checked.findings.hosts)}")
        return finish(checked.run, output)
    if not yes or output.format is Format.TEXT:
        show_plan(checked.plan, output)
    for one in checked.open:
        say(f"cksharden: {one.host}: {open_words(one)}")
    if not agreed(_question(checked), yes=yes):
        say("cksharden: nothing was changed")
        return records.exit_code(records.view(checked.run, again(checked.run)))
    say(f"cksharden: this is run {checked.run.run}")
    with traced(wanted, checked.run.run, checked.run.run):
        notices = pipeline.change(wanted, checked, max_unavailable, progress)
    for told in notices:
        say(f"cksharden: {told}")
    return finish(checked.run, output)


def _question(checked: Checked) -> str:
    hosts = [host for batch in checked.plan.order for host in batch]
    restarts = [name for host in hosts for name in checked.plan.hosts[host].restarts]
    kubelets = restarts.count("kubelet")
    pods = len(restarts) - kubelets
    told = f" and {pods} pods of control planes" if pods else ""
    return f"Change {len(hosts)} hosts ({', '.join(hosts)}), restarting {kubelets} kubelets{told}?"
