# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction restarts, and the proof that it serves: nothing, a kubelet, static pods, or keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from . import fsio, gate, restore, static_pod_gate, store
from . import static_pod_checks as checks
from .encryption_guard import EncryptionGuard
from .encryption_settings import ENCRYPTION
from .flags import EditError
from .gate import Gate, GateError
from .journal import Journal
from .static_pod_gate import ETCD, Watch
from .static_pod_settings import STATIC_PODS
from .step import Step
from .system import KUBELET, System

Survey = dict[str, Any]


class Guard(Protocol):
    """What the agent asks around the swap of files."""

    watched: int
    """Seconds for which gates that held had nothing to do but see that all stays as it is."""

    def survey(self) -> Survey | None:
        """Return how what will restart does now, for the journal; its "problem" is "" where it is well."""

    def expect(self, survey: Survey | None) -> dict[str, Any]:
        """Learn what the swap starts from; return what to note beside it."""

    def parts(self, steps: list[Step]) -> list[list[Step]]:
        """Return the steps in their order, parted where a proof stands between them."""

    def prepare(self, part: list[Step]) -> None:
        """Do what must be done just before a part is swapped. Raises GateError."""

    def prove(self, part: list[Step]) -> bool:
        """Restart what the swapped part changes, watch; return whether a gate proved it. Raises GateError."""

    def error(self) -> str | None:
        """Return the error line of what was restarted and failed."""

    def prove_restored(self, recovering: bool, changed: bool) -> bool:
        """Restart what was restarted, on the old files, and return whether a gate held.

        recovering: by another process than the one that swapped; changed: putting back changed something.
        """


def make(system: System, transaction: store.Transaction, journal: Journal) -> Guard:
    """Return the guard of a transaction."""
    guards: dict[str | None, Callable[..., Guard]] = {
        None: NoGuard,
        KUBELET: KubeletGuard,
        STATIC_PODS: StaticPodGuard,
        ENCRYPTION: EncryptionGuard,
    }
    return guards[transaction["restart"]](system, transaction, journal)


class NoGuard:
    """Nothing restarts."""

    watched = 0

    def __init__(self, system: System, transaction: store.Transaction, journal: Journal) -> None:
        self._system, self._transaction, self._journal = system, transaction, journal
        self._gate: dict[str, Any] = transaction["gate"] or {}

    def survey(self) -> Survey | None:
        """See Guard."""
        return None

    def expect(self, _survey: Survey | None) -> dict[str, Any]:
        """See Guard."""
        return {}

    def parts(self, steps: list[Step]) -> list[list[Step]]:
        """See Guard."""
        return [steps]

    def prepare(self, part: list[Step]) -> None:
        """See Guard."""

    def prove(self, _part: list[Step]) -> bool:
        """See Guard."""
        return True

    def error(self) -> str | None:
        """See Guard."""
        return None

    def prove_restored(self, _recovering: bool, _changed: bool) -> bool:
        """See Guard."""
        return True


class KubeletGuard(NoGuard):
    """The kubelet is restarted once everything is swapped."""

    _watch: Gate | None = None

    def survey(self) -> Survey | None:
        """See Guard."""
        return gate.survey(self._system, KUBELET, self._gate)

    def expect(self, survey: Survey | None) -> dict[str, Any]:
        """See Guard."""
        self._before = survey or {"node": "", "problem": ""}
        wanted = self._gate["argv"]
        process = self._system.process(self._system.unit_state(KUBELET).main_pid) if wanted else None
        if wanted is None or process is None:  # a rollback of a kubelet that is down, or by force
            self._expected = gate.expect_digest(None)
        else:
            self._expected = gate.expect_change(process.argv, wanted["added"], wanted["removed"])
        return {}

    def prove(self, _part: list[Step]) -> bool:
        """See Guard."""
        self._watch = Gate(self._system, KUBELET, self._gate, self._before["node"])
        self._journal.append("restarting")
        self._watch.restart(daemon_reload=self._transaction["daemon_reload"])
        self._journal.append("gating")
        ask_api = not self._before["problem"]
        self._watch.watch(self._expected, ask_api=ask_api)
        self.watched += int(self._gate["window"])
        return ask_api

    def error(self) -> str | None:
        """See Guard."""
        return self._system.error_line(KUBELET, self._watch.restarted_at) if self._watch else None

    def prove_restored(self, recovering: bool, _changed: bool) -> bool:
        """See Guard."""
        if not recovering and not self._journal.has("restarting"):
            return True
        checked = self._journal.last("checked")
        before = checked["data"]["survey"] if checked else None
        return restore.prove_restored(self._system, self._transaction, before)


class StaticPodGuard(NoGuard):
    """The kubelet starts the pods of changed manifests anew: etcd alone first, then the others at once."""

    _watch: Watch | None = None

    def survey(self) -> Survey | None:
        """See Guard."""
        return static_pod_gate.survey(self._system, self._gate)

    def expect(self, survey: Survey | None) -> dict[str, Any]:
        """See Guard."""
        self._before: Survey = survey or {}
        self._old = self._contents()
        return {"ticks": self._system.ticks(), "boot_id": self._system.boot_id()}

    def parts(self, steps: list[Step]) -> list[list[Step]]:
        """See Guard."""
        restarts = [number for number, step in enumerate(steps) if self._component(step)]
        etcd = [step for step in steps if self._component(step) == ETCD]
        if not etcd or len(etcd) == len(restarts):
            return [steps]
        first = steps[: restarts[0]] + etcd
        return [first, [step for step in steps if step not in first]]

    def prepare(self, part: list[Step]) -> None:
        """See Guard."""
        self._watch = Watch(self._system, self._gate, self._before)
        if any(self._component(step) == ETCD for step in part) and self._before["etcd"].get("members", 1) > 1:
            try:
                told = checks.hand_over(self._system, static_pod_gate.read_pods(self._gate)[ETCD])
            except EditError as reason:
                told = str(reason)
            if told:
                raise GateError(told)

    def prove(self, part: list[Step]) -> bool:
        """See Guard."""
        changed = {name for name in map(self._component, part) if name}
        now = self._contents()
        self._journal.append("gating", {"pods": sorted(changed)})
        if self._watch is None or not changed:
            return True
        fresh = {name for name in changed & set(now) if now[name] != self._old[name]}
        alone = changed == {ETCD}
        window = int(self._gate["etcd_window" if alone else "window"])
        try:
            self._watch.watch([ETCD] if alone else sorted(now), fresh, window)
            if self._contents() != now:
                raise GateError("somebody changed a manifest while its pod was watched")
        except (GateError, EditError) as reason:
            if self._before["problem"]:
                return False  # a rollback of what was not well before: there is nothing better to go back to
            raise GateError(str(reason)) from reason
        self.watched += window
        return True

    def _contents(self) -> dict[str, bytes | None]:
        manifests = self._gate["manifests"]
        return {
            name: fsio.read_file(path) if os.path.lexists(path) else None for name, path in manifests.items()
        }

    def prove_restored(self, _recovering: bool, changed: bool) -> bool:
        """See Guard.

        A kubelet that does not react within the limit is restarted once, and the limit begins anew.
        """
        checked, swapping = self._journal.last("checked"), self._journal.last("swapping")
        before = checked["data"]["survey"] if checked else {}
        noted = swapping["data"] if swapping else {}
        since = noted["ticks"] if noted.get("boot_id") == self._system.boot_id() else 0
        return any(self._holds(before, since, changed=changed, nudge=nudge) for nudge in (False, True))

    def _holds(self, before: Survey, since: int, *, changed: bool, nudge: bool) -> bool:
        watch = Watch(self._system, self._gate, before)
        components = sorted(self._gate["manifests"])
        # Only of these: the others may have ended and come back while the API server was away.
        gated = [one["data"]["pods"] for one in self._journal.records if one["step"] == "gating"]
        fresh = (
            {name for pods in gated for name in pods} & set(components) if changed and not nudge else set()
        )
        try:
            if nudge:
                self._system.systemctl("restart", KUBELET)
            watch.watch(components, fresh, int(self._gate["window"]), since)
        except (GateError, OSError, EditError):
            return False
        return True

    def _component(self, step: Step) -> str | None:
        """Return the component that a step restarts, None for a file of another kind."""
        names = {path: name for name, path in self._gate["manifests"].items()}
        return names.get(step.path) or (self._gate.get("strays") or {}).get(step.path)
