# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's own transaction: swap, gate, commit or restore, with a journal written before each step.

systemd starts this with the directory of one transaction, again after a crash and again after a
reboot. It reads the journal first, so all of these are one path. A swap that was begun and not
committed is undone, never resumed, and undoing waits for nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from . import backup, changes, encryption_keys, fsio, guard, store
from .gate import GateError
from .journal import Journal
from .restore import put_back
from .step import MovedError, RefusedError, Step
from .system import System


def main(arguments: list[str]) -> int:
    """Run the transaction in the directory that the one argument names; the code is systemd's to see."""
    directory = os.path.abspath(arguments[0])
    base = os.path.dirname(os.path.dirname(directory))
    journal = os.path.join(directory, "journal")
    if not os.path.exists(journal):
        System().remove_agent()  # somebody removed the transaction: nothing can be told or undone
        return 0
    with store.locked(base, None):
        Agent(directory, System(), Journal(journal)).run()
    return 0


class Agent:
    """One transaction, from its journal to its end."""

    def __init__(self, directory: str, system: System, journal: Journal) -> None:
        self.directory, self.system, self.journal = directory, system, journal
        self.base = os.path.dirname(os.path.dirname(directory))
        self.transaction: store.Transaction = store.read_json(directory, "transaction.json")
        self._swapped: list[Step] = []
        self._guard = guard.make(system, self.transaction, journal)

    def run(self) -> None:
        """Bring the transaction to its end. Raises OSError where it must be tried again later."""
        records = self.journal.records
        steps = {record["step"] for record in records}
        if "closed" in steps:
            self.system.remove_agent()
        elif "committed" in steps:
            self._close("committed")
        elif "restored" in steps or "refused" in steps or "abandoned" in steps:
            self._close_again()
        elif "swapping" in steps:
            self._recover()
        elif steps:
            self._abandon(
                f"the agent was stopped after the step {records[-1]['step']}, before it changed anything"
            )
        elif self.transaction["boot_id"] != self.system.boot_id():
            self._abandon("the node was started anew before the transaction began")
        else:
            self._forward()

    # ------------------------------------------------------------------ forward

    def _forward(self) -> None:
        self.journal.append("begin", {"boot_id": self.system.boot_id(), "raised": self.transaction["raised"]})
        try:
            steps, survey = self._prepare()
        except RefusedError as reason:
            self._end_unchanged("refused", str(reason))
            return
        except OSError as reason:
            self._abandon(_told(reason))
            return
        try:
            proved = self._change(steps, survey)
        except MovedError as reason:
            self._restore(steps, str(reason), outcome="refused")
        except (GateError, OSError) as reason:
            self._restore(steps, _told(reason))
        else:
            self.journal.append("committed", {"proved": proved, "watched": self._guard.watched})
            self._close("committed")

    def _prepare(self) -> tuple[list[Step], dict[str, Any] | None]:
        """Do all that changes nothing: check, back up, stage, check again."""
        steps = self._steps([None] * len(self.transaction["changes"]))
        survey = self._check(steps)
        self.journal.append("checked", {"survey": survey})
        backup.make(self.directory, steps)
        self.journal.append("backed_up")
        for step in steps:
            step.stage()
        self.journal.append("staged")
        for step in steps:
            step.check_again()
        if self.system.runs_kubeadm():
            raise RefusedError("a kubeadm is running on this node")
        return steps, survey

    def _check(self, steps: list[Step]) -> dict[str, Any] | None:
        if self.system.runs_kubeadm():
            raise RefusedError("a kubeadm is running on this node")
        changes.check(steps, self.directory)
        encryption_keys.check(self.system, steps)
        survey = self._guard.survey()
        if survey and survey["problem"] and self.transaction["kind"] != "rollback":
            raise RefusedError(f"a change could not be proved: {survey['problem']}")
        return survey

    def _change(self, steps: list[Step], survey: dict[str, Any] | None) -> bool:
        """Swap, restart and watch; return whether a gate proved it."""
        self.journal.append("swapping", self._guard.expect(survey))
        parts = self._guard.parts(steps)
        proved = True
        for part in parts:
            self._guard.prepare(part)
            for step in part:
                self._swap(step)
            if part is parts[-1]:
                self.journal.append("swapped", {"left": [fsio.state_of(step.path) for step in steps]})
            proved = self._guard.prove(part)
        return proved

    def _swap(self, step: Step) -> None:
        self._swapped.append(step)
        try:
            step.swap()
        except MovedError:
            self._swapped.pop()
            raise

    # ------------------------------------------------------------------ back

    def _recover(self) -> None:
        """Undo what an earlier process, or an earlier boot, had begun."""
        last = self.journal.records[-1]
        known = self.journal.last("restoring")
        reason = known["data"]["reason"] if known else f"the agent was stopped after the step {last['step']}"
        outcome = known["data"]["outcome"] if known else "restored"
        steps = self._steps(backup.read(self.directory))
        self._swapped = list(steps)
        self._restore(steps, reason, outcome=outcome, recovering=True)

    def _restore(
        self, steps: list[Step], reason: str, *, outcome: str = "restored", recovering: bool = False
    ) -> None:
        """Put every file back, restart what was restarted, and tell whether a gate proved it."""
        error = self._guard.error()
        failure = None
        try:
            if self.journal.last("restoring") is None:
                told = {"reason": reason, "outcome": outcome, "kubelet_error": error}
                self.journal.append("restoring", told)
            self.journal.try_to_write()
        except OSError as cause:
            failure = cause  # the files come first; the journal is tried again by the next start
        changed = put_back(self._swapped, steps, self.directory)
        proved = True
        # Each start comes here again until the journal can be written: without news no new kubelet.
        if failure is None or changed:
            proved = self._guard.prove_restored(recovering, changed)
        if failure is not None:
            raise failure
        self.journal.append("restored", {"proved": proved})
        self._close_again()

    # ------------------------------------------------------------------ end

    def _abandon(self, reason: str) -> None:
        self._end_unchanged("abandoned", reason)

    def _end_unchanged(self, outcome: str, reason: str) -> None:
        self.journal.append(outcome, {"reason": reason})
        self._close_again()

    def _close_again(self) -> None:
        """Close with the outcome and reason that the journal holds."""
        for step in ("restoring", "refused", "abandoned"):
            record = self.journal.last(step)
            if record is not None:
                self._close(record["data"].get("outcome", step), record["data"])
                return

    def _close(self, outcome: str, data: dict[str, Any] | None = None) -> None:
        try:
            entries = backup.read(self.directory)
        except FileNotFoundError:
            entries = []  # stopped before the backup was made: nothing was staged either
        for step in self._steps(entries) if entries else []:
            step.clean()
        told = data or {}
        proof = self.journal.last("restored") or self.journal.last("committed")
        self.journal.append(
            "closed",
            {
                "outcome": outcome,
                "reason": told.get("reason", ""),
                "kubelet_error": told.get("kubelet_error"),
                "proved": proof["data"]["proved"] if proof else True,
                "watched": proof["data"].get("watched", 0) if proof else 0,
            },
        )
        self.system.remove_agent()

    def _steps(self, entries: Sequence[fsio.Entry | None]) -> list[Step]:
        label = f"{self.transaction['run']}-{self.transaction['role']}"
        return [
            changes.make(number, change, label, entry, self.base)
            for number, (change, entry) in enumerate(zip(self.transaction["changes"], entries))
        ]


def _told(reason: Exception) -> str:
    if isinstance(reason, OSError) and reason.strerror and reason.filename:
        return f"{reason.filename}: {reason.strerror}"
    return str(reason)
