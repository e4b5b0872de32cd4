# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the files back, restart the kubelet on them, and see whether it serves its node as before."""

from __future__ import annotations

import os
from typing import Any

from . import backup, gate, store
from .gate import Gate, GateError
from .step import Step
from .system import KUBELET, System

_PAUSE = 2


def put_back(swapped: list[Step], steps: list[Step], directory: str) -> bool:
    """Undo what was swapped, the last first, and return whether that changed anything.

    steps are all of the transaction in directory. One that can't be undone keeps no other from it; then
    the first OSError is raised at the end.
    """
    numbers = {id(step): number for number, step in enumerate(steps)}
    before = [_look(step.path) for step in steps]
    failures = [_undone(step, directory, numbers[id(step)]) for step in reversed(swapped)]
    for failure in failures:
        if failure is not None:
            raise failure
    return before != [_look(step.path) for step in steps]


def _undone(step: Step, directory: str, number: int) -> OSError | None:
    try:
        step.put_back(backup.content_of(directory, number))
    except OSError as reason:
        return reason
    return None


def _look(path: str) -> tuple[int, ...] | None:
    """Return what putting back changes of a path, without reading what may not be readable."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_mode, status.st_uid, status.st_gid)


def prove_restored(system: System, transaction: store.Transaction, survey: dict[str, Any] | None) -> bool:
    """Return whether the gate held on the old files within its limit; they stay whatever it says.

    survey is what gate.survey saw before the change. Tried again until the limit is over: at boot
    systemd is busy, and a kubelet may fail a few times until its container runtime is there.
    """
    known = survey or {"node": "", "arguments": None}
    watch = Gate(system, KUBELET, transaction["gate"], known["node"])
    restarted = False
    while not watch.is_over():
        restarted = restarted or _is_restarted(system, watch, daemon_reload=transaction["daemon_reload"])
        if restarted and _is_served(watch, known["arguments"]):
            return True
        system.sleep(_PAUSE)
    return False


def _is_restarted(system: System, watch: Gate, *, daemon_reload: bool) -> bool:
    try:
        # Failed starts may have used up what systemd allows.
        system.systemctl("reset-failed", KUBELET)
        watch.restart(daemon_reload=daemon_reload)
    except OSError:
        return False
    return True


def _is_served(watch: Gate, arguments: str | None) -> bool:
    try:
        watch.watch(gate.expect_digest(arguments), ask_api=True)
    except (GateError, OSError):
        return False
    return True
