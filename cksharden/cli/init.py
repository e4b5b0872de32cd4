# SPDX-License-Identifier: Apache-2.0
"""`cksharden init`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cksharden.cli.options import Access
from cksharden.cli.output import write
from cksharden.errors import ExitCode

if TYPE_CHECKING:
    from cksharden.init import Made

EXAMPLES = (
    "cksharden init inventories/production --host cp1",
    "cksharden init inventories/production --host admin@192.0.2.11 -K",
    "cksharden init inventories/production --from ~/ansible/hosts",
)


def init(
    *,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is not there yet.")],
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[USER@]HOST[:PORT]",
            help="A node, as you name it to ssh; may be repeated. One control plane is enough.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="INVENTORY", help="Ask the hosts of this inventory of Ansible too."),
    ] = None,
    access: Access,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Make the inventory of a cluster, by asking a control plane.

    It is asked over SSH who the nodes are. Writes hosts.yml, group_vars, profile.yml and waivers.yml,
    overwrites nothing, and changes no node.
    """
    from cksharden.cli.progress import Progress
    from cksharden.init import init as make

    with Progress(quiet=quiet).stage("collect") as on_event:
        made = make(directory, host or (), source, access.connection(), on_event)
    write(_told(made, directory, access.again()))
    return ExitCode.INCOMPLETE if made.troubles else ExitCode.COMPLIANT


def _told(made: Made, directory: Path, options: str) -> str:
    from cksharden.report.sheet import Sheet, Style

    sheet = Sheet()
    sheet.line("Control planes: ", ", ".join(one.name for one in made.members if one.control_plane) or "none")
    sheet.line("Workers: ", ", ".join(one.name for one in made.members if not one.control_plane) or "none")
    rest = [one for one in made.members if not one.reached and one.name not in made.troubles]
    if rest:
        sheet.line("Named by the cluster, not asked yet: ", ", ".join(one.name for one in rest))
    if any(one.address for one in rest):
        sheet.line(
            "  at its addresses; take ansible_host out of hosts.yml where ssh_config has a rule for the name"
        )
    for name, why in made.troubles.items():
        sheet.line((name, Style.BAD), f": {why}")
    sheet.line(
        f"Written into {directory}: ", ", ".join(str(file.relative_to(directory)) for file in made.files)
    )
    sheet.line(f"Next: cksharden check {shlex.quote(str(directory))}{options}")
    return sheet.text()
