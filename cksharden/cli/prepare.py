# SPDX-License-Identifier: Apache-2.0
"""`cksharden prepare`."""

from __future__ import annotations

from cksharden.cli.options import Format, Hosts, Output, Runs, Yes
from cksharden.cli.output import agreed, check_output, require_consent, say, show_preparations
from cksharden.errors import ExitCode, UsageError

EXAMPLES = ("cksharden prepare inventories/production --limit cp3",)


def prepare(*, hosts: Hosts, runs: Runs, output: Output, yes: Yes = False) -> int:
    """Place what kubeadm-config names on a machine that joins as a control plane.

    Before `kubeadm join --control-plane`: what joins is started with the options of the cluster, and the
    files that they name have to be there. They are taken from a control plane whose API server answers;
    what kubeadm makes or copies itself is left to it. Also the mend where it was forgotten: the machine
    starts what it lacked by itself. Answering no changes nothing, and exits with 0.
    """
    check_output(output)
    from cksharden import pipeline
    from cksharden.cli.orders import finish, order
    from cksharden.cli.progress import Progress
    from cksharden.prepare import place

    hosts.path()
    if hosts.limit is None:
        raise UsageError("which machine is to join?", key="--limit", mend="name it as the inventory does")
    require_consent(yes=yes, verb="prepare")
    progress = Progress(quiet=output.quiet)
    begun = pipeline.begin_prepare(order("prepare", hosts, runs))
    with progress.stage("look") as on_event:
        found = pipeline.preview_prepare(begun, on_event)
    if not found.changes or found.conflicts:
        return finish(begun.run, output)
    if not yes or output.format is Format.TEXT:
        show_preparations(found, output)
    names = [one.host for one in found.hosts if one.with_status("create", "replace")]
    if not agreed(f"Place these files on {', '.join(names)}?", yes=yes):
        say("cksharden: nothing was changed")
        return ExitCode.COMPLIANT
    with progress.stage("prepare") as on_event:
        notices = place(begun, found, on_event)
    for told in notices:
        say(f"cksharden: {told}")
    return finish(begun.run, output)
