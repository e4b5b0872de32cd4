# SPDX-License-Identifier: Apache-2.0
"""What the nodes' own transactions answered, as data."""

from __future__ import annotations

from typing import Literal

import msgspec


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one transaction of a node ended: one role's part of a run."""

    role: str
    outcome: str
    """committed, nothing, restored, refused, abandoned; `open` where its end was not seen."""
    reason: str = ""
    kubelet_error: str = ""
    """The kubelet's own line, where it refused what it was given."""
    proved: bool = True
    """Whether the gate held after a restore."""


class HostOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one host."""

    host: str
    status: Literal["ok", "failed", "unreachable", "not_begun"]
    message: str = ""
    transactions: tuple[Transaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the host was reached and every transaction on it did what was asked."""
        good = all(one.outcome in ("committed", "nothing") for one in self.transactions)
        return self.status == "ok" and good
