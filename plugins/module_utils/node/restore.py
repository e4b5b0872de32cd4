# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart the kubelet on the files that were put back, and see whether it serves its node as before."""

from __future__ import annotations

from typing import Any

from . import gate, store
from .gate import Gate, GateError
from .system import KUBELET, System

_PAUSE = 2


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
