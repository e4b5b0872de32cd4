# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the gate of static pods watches, and for how long it waits."""

from __future__ import annotations

from typing import Any

STATIC_PODS = "static_pods"
"""As transaction["restart"]: the kubelet restarts the pods by itself when their manifests change."""
ADMIN = "/etc/kubernetes/admin.conf"

# kubeadm's probes kill after 80 s (8 x 10 s); the gate replays them itself, every few seconds, so that
# a window may be shorter than that and still see what they will say.
WINDOW, LEAST_WINDOW = 150, 30
ETCD_WINDOW, LEAST_ETCD_WINDOW = 60, 20
LIMIT, LEAST_LIMIT = 300, 120


def settings(gate: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the gate with defaults and floors applied, and what was raised, in words.

    gate: "directory" of the manifests, "manifests" {component: path}, "strays" {path: component}, and
    in seconds "window", "etcd_window" (all is still for that long) and "limit" (until all is well).
    """
    told = []
    limits = {}
    for key, usual, least in (
        ("window", WINDOW, LEAST_WINDOW),
        ("etcd_window", ETCD_WINDOW, LEAST_ETCD_WINDOW),
        ("limit", LIMIT, LEAST_LIMIT),
    ):
        wanted = int(gate.get(key) or usual)
        limits[key] = max(wanted, least)
        if wanted < least:
            told.append(
                f"the gate's {key} of {wanted} s was raised to {least} s, the least that proves anything"
            )
    return {"kubeconfig": ADMIN, **gate, **limits}, told


def patience(gate: dict[str, Any]) -> int:
    """Return the seconds that the longest change may take: two gates, and two for the way back."""
    full = settings(gate)[0]
    return 4 * int(full["limit"]) + 3 * int(full["window"]) + int(full["etcd_window"])
