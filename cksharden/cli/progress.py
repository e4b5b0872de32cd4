# SPDX-License-Identifier: Apache-2.0
"""How far each host is, on stderr: a live table on a terminal, plain lines elsewhere."""

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
_ROWS = 12
_FINAL = ("ok", "failed", "unreachable", "collected", "committed", "restored", "refused", "abandoned")


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
            yield lambda host, what: say(f"{name}: {host}: {what}")


def _ignore(host: str, what: str) -> None:
    """Show nothing."""


@contextmanager
def _live(name: str) -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, no_color=not has_colours(stream_is_terminal=True))
    hosts: dict[str, str] = {}
    started = time.monotonic()

    def draw() -> Table:
        return _table(name, hosts, time.monotonic() - started)

    with Live(get_renderable=draw, console=console, refresh_per_second=4, transient=False) as live:

        def on_event(host: str, what: str) -> None:
            hosts[host] = what
            live.refresh()

        yield on_event


def _table(name: str, hosts: dict[str, str], seconds: float) -> Table:
    """Return the last hosts of which something was heard, those still at work first."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    done = sum(what.split(":")[0] in _FINAL for what in hosts.values())
    table.add_row(Text(name, style="bold"), Text(f"{done}/{len(hosts)} hosts, {seconds:.0f} s"))
    shown = sorted(hosts, key=lambda host: hosts[host].split(":")[0] in _FINAL)[:_ROWS]
    for host in shown:
        table.add_row(Text(f"  {clean(host)}"), Text(shorten(clean(hosts[host]), 100)))
    return table
