# SPDX-License-Identifier: Apache-2.0
"""What a report is made of, and what makes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cksharden.model import Findings, Plan, Verification
from cksharden.transactions import HostOutcome, OpenTransaction, Preparations, Restorations


@dataclass(frozen=True)
class View:
    """All that a run has to show; a part that the run did not come to is None or empty."""

    run: str
    command: str
    inventory: str
    findings: Findings | None
    """What holds now: after an apply, what was found after it; a rollback does not look."""
    again: str
    """The command that shows this report again."""
    plan: Plan | None = None
    outcomes: tuple[HostOutcome, ...] = field(default=())
    verification: Verification | None = None
    restorations: Restorations | None = None
    """What a rollback found before it began."""
    preparations: Preparations | None = None
    """What `prepare` found before it began."""
    open_transactions: tuple[OpenTransaction, ...] = ()
    """What had not ended on the nodes when they were last looked at, of whichever run."""
    interrupted: bool = False
    """Whether the run began to change nodes, and did not live to note what became of them."""

    @property
    def stopped(self) -> bool:
        """Whether the run ended before it had anything to show."""
        return self.findings is None and self.restorations is None and self.preparations is None


@dataclass(frozen=True)
class Screen:
    """The size of the terminal that a report is shown on."""

    columns: int
    lines: int


@dataclass(frozen=True)
class Options:
    """How a report is to look."""

    everything: bool = False
    """Also what passes, and nothing shortened."""
    colours: bool = False
    screen: Screen | None = None
    """What the findings have to fit on; None where there is none, or everything is wanted."""


class Reporter(Protocol):
    """Turns a view into text. Pure: no I/O, no clock."""

    def render(self, view: View, options: Options) -> str:
        """Return the whole report, ending in a newline."""
