# SPDX-License-Identifier: Apache-2.0
"""Put the facets of an option into one judgement: what is declared, what runs, what an upgrade leaves."""

from __future__ import annotations

from typing import Any

from cksharden.model import Item, Judgement, Status, worst

FACETS = ("declared", "running", "persisted")


def judgement(items: tuple[Item, ...], expected: Any) -> Judgement:
    """Return the worst of the facets, in the order of FACETS and with what else there is behind them."""
    status = worst([item.status for item in items])
    item = next(item for item in items if item.status is status)
    return Judgement(status, _reason(item, items), item.observed, expected, item.source, items)


def _reason(worst_item: Item, items: tuple[Item, ...]) -> str:
    declared, running, persisted, *more = items
    if all(one.status is Status.PASS for one in (declared, running, *more)):
        if persisted.status is Status.FAIL:
            return f"holds now, lost at the next kubeadm upgrade: {persisted.reason}"
        if persisted.status is Status.UNKNOWN:
            return f"holds now, and what the next kubeadm upgrade leaves is not known: {persisted.reason}"
    for one in items:
        # That nobody knows what comes adds nothing to what is wrong already.
        if one.status is not worst_item.status and (one is not persisted or one.status is not Status.UNKNOWN):
            return f"{worst_item.what}: {worst_item.reason} ({one.what}: {one.reason})"
    return worst_item.reason
