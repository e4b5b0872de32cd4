# SPDX-License-Identifier: Apache-2.0
"""How far each host is, on stderr: a live line for each on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cksharden.cli.output import has_colours, say
from cksharden.report.sheet import clean, shorten

if TYPE_CHECKING:
    from rich.table import Table

OnEvent = Callable[[str, str], None]
_ENDS = (
    *("ok", "failed", "unreachable", "collected"),
    *("committed", "nothing", "restored", "refused", "abandoned", "open", "not_begun"),
)
# Where lines stay, what a host is at is worth one only where it takes long and matters.
_CHANGING = ("apply", "rollback")
# The line of the stage, the one about the others, and the one where the cursor stands.
_OTHER_LINES = 3


class Progress:
    """Shows the events of one stage after another."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def stage(self, name: str) -> Iterator[OnEvent]:
        """Show the hosts of one stage for as long as the block runs."""
        if self._quiet:
            yield _ignore
        elif self._live:
            with _live(name) as on_event:
                yield on_event
        else:
            whole = name in _CHANGING
            yield lambda host, what: _say_line(name, host, what) if whole or _has_ended(what) else None


def _say_line(name: str, host: str, what: str) -> None:
    say(f"{name}: {host}: {what}")


def _ignore(host: str, what: str) -> None:
    """Show nothing."""


@contextmanager
def _live(name: str) -> Iterator[OnEvent]:
    """Show a line for each host while they work, and of the whole stage one line that stays."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, no_color=not has_colours(stream_is_terminal=True))
    hosts: dict[str, str] = {}
    started = time.monotonic()

    def draw() -> Table:
        rows = console.size.height - _OTHER_LINES
        return _table(_told(name, hosts, started), dict(hosts), rows, console.size.width)

    # Redrawn by its clock alone: a hundred hosts must not wait for a terminal.
    with Live(get_renderable=draw, console=console, refresh_per_second=8, transient=True):
        yield hosts.__setitem__
    say(_told(name, hosts, started))


def _told(name: str, hosts: dict[str, str], started: float) -> str:
    ended = sum(map(_has_ended, list(hosts.values())))
    return f"{name}  {ended}/{len(hosts)} hosts, {time.monotonic() - started:.0f} s"


def _table(title: str, hosts: dict[str, str], rows: int, columns: int) -> Table:
    """Return the hosts that fit, those still at work first."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid()
    table.add_row(Text(title, style="bold"))
    at_work_first = sorted(hosts, key=lambda host: (_has_ended(hosts[host]), host))
    width = max((len(clean(host)) for host in at_work_first[:rows]), default=0)
    for host in at_work_first[:rows]:
        line = shorten(f"  {clean(host):<{width}}  {clean(hosts[host])}", columns)
        table.add_row(Text(line, style="dim" if _has_ended(hosts[host]) else ""))
    if len(hosts) > rows:
        table.add_row(Text(f"  … and {len(hosts) - rows} more"))
    return table


def _has_ended(what: str) -> bool:
    return what.partition(":")[0] in _ENDS
