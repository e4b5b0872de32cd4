# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the items of several controls about one option of a static pod together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[str, Mapping[str, Sequence[str]]]


def resolved(items: list[dict[str, Any]], there: Values) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return one item for each option, which says its value, and the controls that can't be served.

    Args:
        items: {control, component, option} with either `value` (None: take the option away), or `add`
            and `remove` for an option that is a comma list; `mounts` and `files` go along.
        there: component -> option -> every value that the manifest gives it.

    Returns:
        The items, with `controls` in place of `control`; and {control, reason} for what contradicts
        an earlier item.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    refused = []
    for item in items:
        key = (item["component"], item["option"])
        value = _value(item, found.get(key), there.get(key[0], {}).get(key[1], ()))
        one = found.setdefault(
            key,
            {
                "component": key[0],
                "option": key[1],
                "controls": [],
                "value": value,
                "mounts": [],
                "files": [],
            },
        )
        if "value" in item and one["value"] != value:
            reason = f"{', '.join(one['controls'])} gives --{key[1]} of {key[0]} another value"
            refused.append({"control": item["control"], "reason": reason})
            continue
        one["value"] = value
        one["controls"].append(item["control"])
        for also in ("mounts", "files"):
            one[also] += [new for new in item.get(also) or () if new not in one[also]]
    return list(found.values()), refused


def _value(item: dict[str, Any], before: dict[str, Any] | None, there: Sequence[str]) -> str | None:
    """Return the value that an item asks for, on top of an earlier item or of what is there."""
    if "value" in item:
        return item["value"]  # type: ignore[no-any-return]
    texts = there if before is None else [before["value"] or ""]
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    kept = [word for word in words if word not in item.get("remove", ())]
    return ",".join(dict.fromkeys([*kept, *item.get("add", ())])) or None
