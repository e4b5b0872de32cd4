# SPDX-License-Identifier: Apache-2.0
"""What the nodes' own transactions answered, as data."""

from __future__ import annotations

from typing import Literal

import msgspec


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one transaction of a node ended: one role's part of a run."""

    role: str
    outcome: Literal["committed", "nothing", "restored", "refused", "abandoned", "open", "not_begun"]
    """`open` where its end was not seen, `not_begun` where the run stopped before its turn."""
    reason: str = ""
    kubelet_error: str = ""
    """The kubelet's own line, where it refused what it was given."""
    proved: bool = True
    """Whether the gate held after a restore."""

    @property
    def complete(self) -> bool:
        """Whether it did what was asked."""
        return self.outcome in ("committed", "nothing")


class HostOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one host."""

    host: str
    status: Literal["ok", "failed", "unreachable"]
    message: str = ""
    transactions: tuple[Transaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the host was reached and every transaction on it did what was asked."""
        return self.status == "ok" and all(one.complete for one in self.transactions)


class Restoration(msgspec.Struct, frozen=True):
    """What a rollback would do with one file of a node."""

    path: str
    status: Literal["as_before", "restore", "moved"]
    """`moved`: somebody changed it since the run, so it is put back by force only."""
    told: str = ""


class HostRestoration(msgspec.Struct, frozen=True):
    """What a rollback would do on one host."""

    host: str
    known: bool
    """Whether the node still keeps anything of that run."""
    roles: dict[str, tuple[Restoration, ...]]

    def files(self, *statuses: str) -> list[Restoration]:
        """Return the files of these statuses, of all roles."""
        return [file for files in self.roles.values() for file in files if file.status in statuses]


class Restorations(msgspec.Struct, frozen=True):
    """The preview of a rollback: `rollback.json`."""

    of: str
    force: bool
    hosts: tuple[HostRestoration, ...]
    format: str = "cksharden-rollback"
    schema: str = "1.0"

    @property
    def changes(self) -> bool:
        """Whether anything would be put back at all."""
        return any(host.files("restore", "moved") for host in self.hosts)

    @property
    def conflicts(self) -> bool:
        """Whether a file was changed since the run, and is not to be overwritten."""
        return not self.force and any(host.files("moved") for host in self.hosts)
