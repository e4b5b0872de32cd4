# SPDX-License-Identifier: GPL-3.0-or-later
"""The transactions that a node keeps: an open one blocks other runs, a closed one can be taken back."""

from __future__ import annotations

from typing import Any

from . import store
from .text import plain


def collect(_request: dict[str, Any]) -> dict[str, Any]:
    """Return `{"runs": [{"run", "role", "last_step", "closed", "outcome"}]}`, the oldest run first."""
    return {
        "runs": [
            {
                "run": plain(kept.run),
                "role": plain(kept.role),
                "last_step": kept.records[-1]["step"] if kept.records else None,
                "closed": kept.closed,
                "outcome": kept.outcome,
            }
            for kept in store.kept(store.BASE)
        ]
    }
