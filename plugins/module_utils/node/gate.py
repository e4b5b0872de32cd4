# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of a kubelet: proof that the one that runs now was started anew, stays, and serves its node.

Order of the proof: a new process, its command line as planned, process and restart count still for
the window, its own Lease renewed, its Node Ready. The Lease comes before the Node because a node
stays Ready for about 50 s after its kubelet has died.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .kubeapi import ApiError, NodeObjects
from .node_name import node_name
from .system import Process, System

LEAST_WINDOW = 10
LEAST_LIMIT = 60
WINDOW = 30
LIMIT = 180
KUBECONFIG = "/etc/kubernetes/kubelet.conf"

_SETTLING = 5
"""Seconds in which a new process may still show the command line of the systemd that forked it."""

ArgumentCheck = Callable[[tuple[str, ...]], str]
"""Says what is wrong with a command line, "" for nothing."""


class GateError(Exception):
    """The gate does not hold; the text says what of it."""


def settings(gate: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the gate with defaults and floors applied, and what was raised, in words."""
    told = []
    limits = {}
    for key, usual, least in (("window", WINDOW, LEAST_WINDOW), ("limit", LIMIT, LEAST_LIMIT)):
        wanted = int(gate.get(key) or usual)
        limits[key] = max(wanted, least)
        if wanted < least:
            told.append(
                f"the gate's {key} of {wanted} s was raised to {least} s, the least that proves anything"
            )
    limits["limit"] = max(limits["limit"], limits["window"] + 30)
    return {"kubeconfig": KUBECONFIG, **gate, **limits}, told


def survey(system: System, unit: str, gate: dict[str, Any]) -> dict[str, Any]:
    """Return how the kubelet does before anything changes, for the journal.

    node, pid, arguments (digest of its command line; that itself may hold secrets), running, api
    (the API server answers), ready, and problem: why a gate could not be passed afterwards, or "".
    """
    process = system.process(system.unit_state(unit).main_pid)
    argv = process.argv if process else ()
    node = node_name(argv, system.host_name())
    api, ready, problem = False, False, ""
    if process is None:
        problem = f"{unit} does not run"
    try:
        ready = _ask_patiently(system, gate["kubeconfig"], node).ready
        api = True
        if not ready:
            problem = problem or f"the node {node} is not Ready"
    except ApiError as reason:
        problem = problem or f"the API server does not answer ({reason})"
    return {
        "node": node,
        "running": process is not None,
        "arguments": arguments_digest(argv) if process else None,
        "api": api,
        "ready": ready,
        "problem": problem,
    }


def _ask_patiently(system: System, kubeconfig: str, node: str, attempts: int = 3) -> NodeObjects:
    """Ask the API server, a few times where it does not answer. Raises ApiError."""
    try:
        return system.node_objects(kubeconfig, node)
    except ApiError:
        if attempts == 1:
            raise
    system.sleep(2)
    return _ask_patiently(system, kubeconfig, node, attempts - 1)


def arguments_digest(argv: tuple[str, ...]) -> str:
    """Return a digest of a command line."""
    return hashlib.sha256(b"\0".join(os.fsencode(word) for word in argv)).hexdigest()


def expect_change(old: tuple[str, ...], added: list[str], removed: list[str]) -> ArgumentCheck:
    """Return a check that a command line is the old one without removed and with added."""
    wanted = Counter(old) - Counter(removed) + Counter(added)

    def check(argv: tuple[str, ...]) -> str:
        found = Counter(argv)
        lacking, more = _names(wanted - found), _names(found - wanted)
        if not lacking and not more:
            return ""
        return "its command line is not as planned: " + ", ".join(
            [f"{name} is missing" for name in lacking] + [f"{name} was not planned" for name in more]
        )

    return check


def expect_digest(digest: str | None) -> ArgumentCheck:
    """Return a check that a command line has this digest; None accepts any."""

    def check(argv: tuple[str, ...]) -> str:
        same = digest is None or arguments_digest(argv) == digest
        return "" if same else "its command line is not the one from before"

    return check


def _names(words: Counter[str]) -> list[str]:
    # Values may be secrets.
    return sorted({word.partition("=")[0] if word.startswith("-") else "a word" for word in words})


class Gate:
    """One restart of a kubelet and the watch over it."""

    def __init__(self, system: System, unit: str, gate: dict[str, Any], node: str) -> None:
        self._system, self._unit, self._gate, self._node = system, unit, gate, node
        self._ticks = 0
        self._begun = system.monotonic()
        self._first: Process | None = None
        self._seen_at = 0.0
        self._restarts = 0
        self._lease: str | None = None
        self._waiting = ""
        self.restarted_at = 0.0
        """Time of day of the restart, seconds of the epoch."""

    def restart(self, *, daemon_reload: bool) -> None:
        """Restart the kubelet. Raises OSError when systemd can't."""
        self._ticks = self._system.ticks()
        self.restarted_at = self._system.epoch_of(self._ticks)
        if daemon_reload:
            self._system.systemctl("daemon-reload")
        self._system.systemctl("restart", self._unit, patience=self._gate["limit"])

    def is_over(self) -> bool:
        """Tell whether the limit, which counts from the making of this gate, has passed."""
        return self._system.monotonic() - self._begun > float(self._gate["limit"])

    def watch(self, check: ArgumentCheck, *, ask_api: bool) -> None:
        """Return when the gate holds. Raises GateError when it does not, or not within its limit.

        Without ask_api the process alone is watched, which proves less.
        """
        self._first = None
        self._restarts = self._system.unit_state(self._unit).restarts
        while True:
            still = self._look_at_process(check)
            served = not ask_api or (self._is_started() and self._look_at_api())
            if still and served:
                return
            if self.is_over():
                raise GateError(f"{self._waiting} within {self._gate['limit']} s")
            self._system.sleep(1)

    def _is_started(self) -> bool:
        return self._first is not None

    def _look_at_process(self, check: ArgumentCheck) -> bool:
        """Tell whether the new process has been still for the window. Raises GateError when it ended."""
        state = self._system.unit_state(self._unit)
        process = self._system.process(state.main_pid)
        now = self._system.monotonic()
        if state.active == "failed" or state.sub == "auto-restart" or state.restarts > self._restarts:
            raise GateError("the kubelet ended after its restart")
        if process is None or process.started < self._ticks:
            if self._first is not None:
                raise GateError("the kubelet ended after its restart")
            self._waiting = "no new kubelet process was there"
            return False
        if self._first is None:
            self._first, self._seen_at = process, now
        if process[:2] != self._first[:2]:
            raise GateError("the kubelet was started more than once")
        wrong = check(process.argv)
        if wrong and now - self._seen_at > _SETTLING:
            raise GateError(f"the kubelet runs, but {wrong}")
        if wrong or now - self._seen_at < self._gate["window"]:
            self._waiting = "the kubelet was not still long enough"
            return False
        return True

    def _look_at_api(self) -> bool:
        """Tell whether the kubelet has renewed its Lease since the restart and its Node is Ready."""
        try:
            objects = self._system.node_objects(self._gate["kubeconfig"], self._node)
        except ApiError as reason:
            self._waiting = f"the API server did not answer ({reason})"
            return False
        if self._lease is None:
            # The old kubelet is gone by now: whatever moves the Lease from here on is the new one.
            self._lease = objects.lease_renewed
        if objects.lease_renewed == self._lease or objects.lease_holder != self._node:
            self._waiting = "the kubelet did not renew its Lease"
            return False
        if not objects.ready or not self._reported_since_start(objects):
            self._waiting = f"the node {self._node} did not turn Ready"
            return False
        return True

    def _reported_since_start(self, objects: NodeObjects) -> bool:
        """Tell whether the condition Ready was written by the new process.

        Its time is this node's own, in whole seconds, and a kubelet reports once when it starts.
        """
        if self._first is None:
            return False
        started = self._system.epoch_of(self._first.started)
        return objects.ready_heartbeat >= rfc3339(started - 1)


def rfc3339(epoch: float) -> str:
    """Return a time as the API writes it, in whole seconds of UTC; such texts compare as times do."""
    return datetime.fromtimestamp(int(epoch), tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
