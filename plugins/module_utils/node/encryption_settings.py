# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the gate of an encryption configuration waits for an API server to read it."""

from __future__ import annotations

from typing import Any

ENCRYPTION = "encryption"
"""As transaction["restart"]: nothing restarts, the API server reads the file again by itself."""
ADMIN = "/etc/kubernetes/admin.conf"

POLL = 60
"""Seconds between two looks of an API server at its file (EncryptionConfigFileChangePollDuration)."""
LIMIT, LEAST_LIMIT = 180, POLL + 30


def settings(gate: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the gate with defaults and floors applied, and what was raised, in words.

    gate: "path" of the configuration on the node, "limit" in seconds until it is read.
    """
    wanted = int(gate.get("limit") or LIMIT)
    told = []
    if wanted < LEAST_LIMIT:
        told.append(
            f"the gate's limit of {wanted} s was raised to {LEAST_LIMIT} s: the file is read every {POLL} s"
        )
    return {"kubeconfig": ADMIN, **gate, "limit": max(wanted, LEAST_LIMIT)}, told


def patience(gate: dict[str, Any]) -> int:
    """Return the seconds that the longest change may take: a look before it, the gate, and the way back."""
    return 3 * int(settings(gate)[0]["limit"])
