# SPDX-License-Identifier: GPL-3.0-or-later
"""Several controls about one option are one change, and contradictions are refused by name."""

from __future__ import annotations

from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_items import resolved

PLUGINS = "enable-admission-plugins"
THERE = {"kube-apiserver": {PLUGINS: ["NodeRestriction,AlwaysAdmit", "LimitRanger"]}}


def item(control: str, option: str = PLUGINS, **said: Any) -> dict[str, Any]:
    return {"control": control, "component": "kube-apiserver", "option": option, **said}


def test_what_is_added_and_removed_meets_in_one_value() -> None:
    items = [
        item("a", add=["EventRateLimit"]),
        item("b", remove=["AlwaysAdmit"]),
        item("c", add=["LimitRanger"]),
    ]
    (one,), refused = resolved(items, THERE)
    assert one["value"] == "NodeRestriction,LimitRanger,EventRateLimit"
    assert one["controls"] == ["a", "b", "c"]
    assert refused == []


def test_a_list_that_is_left_empty_goes() -> None:
    (one,), _ = resolved([item("a", "disable-admission-plugins", remove=["PodSecurity"])], {})
    assert one["value"] is None


def test_the_same_value_twice_is_one_item_with_all_mounts_and_files() -> None:
    file, mount = {"path": "/f"}, {"name": "cksharden-config"}
    items = [
        item("a", "o", value="/f", files=[file], mounts=[mount]),
        item("b", "o", value="/f", files=[file], mounts=[mount]),
    ]
    (one,), refused = resolved(items, {})
    assert (one["controls"], one["files"], one["mounts"], refused) == (["a", "b"], [file], [mount], [])


def test_another_value_is_refused() -> None:
    (one,), refused = resolved([item("a", "o", value="1"), item("b", "o", value=None)], {})
    assert (one["value"], one["controls"]) == ("1", ["a"])
    assert refused == [{"control": "b", "reason": "a gives --o of kube-apiserver another value"}]
