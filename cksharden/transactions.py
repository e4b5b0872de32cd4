# SPDX-License-Identifier: Apache-2.0
"""What the nodes' own transactions answered, as data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one transaction of a node ended: one role's part of a run."""

    role: str
    outcome: Literal[
        "committed", "nothing", "restored", "refused", "abandoned", "open", "not_begun", "incomplete"
    ]
    """`open` where its end was not seen, `not_begun` where the run stopped before its turn, `incomplete`
    where a part of it is done and stays."""
    reason: str = ""
    kubelet_error: str = ""
    """The kubelet's own line, where it refused what it was given."""
    proved: bool = True
    """Whether the gate held after a restore."""
    seconds: int = 0
    """How long the node was at it, from its first look to its last."""
    watched: int = 0
    """How many of these seconds gates had only to see that all stays as it is."""

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


class OpenTransaction(msgspec.Struct, frozen=True):
    """A transaction of any run that a node keeps and that has not ended, or why that can't be told."""

    host: str
    run: str = ""
    role: str = ""
    step: str = ""
    """The last step in the node's journal; empty where there is none."""
    reason: str = ""
    """Why the node could not tell; then the other fields but the host are empty."""


class OpenTransactions(msgspec.Struct, frozen=True):
    """`transactions.json`: written where a collection found transactions that have not ended."""

    transactions: tuple[OpenTransaction, ...]
    format: str = "cksharden-transactions"
    schema: str = "1.0"


def still_open(host: str, data: dict[str, Any]) -> tuple[OpenTransaction, ...]:
    """Return what is not closed in the data of the facts section `transactions`, as the node lists it."""
    runs = data.get("runs")
    if not isinstance(runs, list) or not all(isinstance(one, dict) for one in runs):
        return (OpenTransaction(host, reason="its list of transactions is not understood"),)
    return tuple(
        OpenTransaction(
            host, str(one.get("run", "")), str(one.get("role", "")), str(one.get("last_step") or "")
        )
        for one in runs
        if one.get("closed") is not True
    )


class Attributes(msgspec.Struct, frozen=True):
    """Whose a file is, and who may read it."""

    mode: str
    uid: int
    gid: int
    owner: str | None = None
    """None where the node that has it does not know the number."""
    group: str | None = None


class PreparedFile(msgspec.Struct, frozen=True):
    """What `prepare` would do with one file or directory; its content is nowhere."""

    path: str
    status: Literal["create", "replace", "as_there", "conflict"]
    after: Attributes
    before: Attributes | None = None
    """None where it is not there."""
    told: str = ""


class Preparation(msgspec.Struct, frozen=True):
    """What `prepare` would place on one machine."""

    host: str
    source: str
    """The control plane that it is taken from."""
    files: tuple[PreparedFile, ...]
    notes: tuple[str, ...] = ()
    """What the machine needs beside them."""

    def with_status(self, *statuses: str) -> list[PreparedFile]:
        """Return the files of these statuses."""
        return [file for file in self.files if file.status in statuses]


class Preparations(msgspec.Struct, frozen=True):
    """The preview of `prepare`: `prepare.json`."""

    hosts: tuple[Preparation, ...]
    format: str = "cksharden-preparation"
    schema: str = "1.0"

    @property
    def changes(self) -> bool:
        """Whether anything would be placed at all."""
        return any(host.with_status("create", "replace") for host in self.hosts)

    @property
    def conflicts(self) -> bool:
        """Whether a machine has another file, which is not overwritten."""
        return any(host.with_status("conflict") for host in self.hosts)


class Restoration(msgspec.Struct, frozen=True):
    """What a rollback would do with one file of a node."""

    path: str
    status: Literal["as_before", "restore", "moved", "newer"]
    """`moved`: somebody changed it since the run, so it is put back by force only; `newer`: an upgrade
    did, so it is not put back at all."""
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


class Configuration(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the action plugins kubeadm_config and kubeadm_config_rollback answered."""

    config: Literal["changed", "kept", "back", "as_before", "none", "stays", "later", "failed"]
    """`stays` where a control plane is not of the run, `later` where it could not be done yet."""
    reason: str = ""
    goes: tuple[str, ...] = ()
    """The options and volumes that a rollback takes out."""
    left: tuple[str, ...] = ()
    """Those that somebody has changed since, so that they stay."""
    left_out: tuple[str, ...] = ()
    """What an apply does not put there, and why."""


class Restorations(msgspec.Struct, frozen=True):
    """The preview of a rollback: `rollback.json`."""

    of: str
    force: bool
    hosts: tuple[HostRestoration, ...]
    configuration: Configuration | None = None
    """What would become of kubeadm-config; None where the run did not change it."""
    format: str = "cksharden-rollback"
    schema: str = "1.0"

    @property
    def changes(self) -> bool:
        """Whether anything would be put back at all."""
        config = self.configuration.config if self.configuration else ""
        return config in ("back", "later") or any(host.files("restore", "moved") for host in self.hosts)

    @property
    def conflicts(self) -> bool:
        """Whether a file was changed since the run, and is not to be overwritten."""
        refused = ("newer",) if self.force else ("moved", "newer")
        return any(host.files(*refused) for host in self.hosts)

    @property
    def upgraded(self) -> bool:
        """Whether an upgrade came after the run, and the old manifests would undo it."""
        return any(host.files("newer") for host in self.hosts)
