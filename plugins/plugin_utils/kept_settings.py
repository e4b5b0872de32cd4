# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the settings of static pods kubeadm-config may say: it speaks for every control plane. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.redact import MARK
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import ManifestError, parse_manifest
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import Found, manifests_of

Setting = dict[str, Any]
Declared = dict[str, Any]
"""A setting as a manifest has it: {component, option, values, mounts, unordered, reason: why it is out}."""


def declared_settings(section: dict[str, Any], settings: list[Setting]) -> list[Declared]:
    """Return each option of settings as the manifests of a control plane now have it, once.

    section: its static_pods facts. What a setting asked for was proved there; a list that was added to has
    its whole value there only.
    """
    found = manifests_of(section, set())
    told: dict[tuple[str, str], Declared] = {}
    for setting in settings:
        if "option" not in setting:
            continue
        one = told.setdefault(
            (setting["component"], setting["option"]),
            {
                "component": setting["component"],
                "option": setting["option"],
                "values": [],
                "mounts": [],
                "unordered": "value" not in setting,
                "reason": "",
            },
        )
        one["mounts"] += [new for new in setting.get("mounts") or () if new not in one["mounts"]]
    for one in told.values():
        try:
            one.update(_as_it_is(one, found, section["files"]))
        except ManifestError as error:
            one["reason"] = str(error)
    return list(told.values())


def _as_it_is(one: Declared, found: Found, files: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an option, and why kubeadm-config can't have them. Raises ManifestError."""
    component = one["component"]
    if component in found.unsure:
        return {"reason": found.unsure[component]}
    if component not in found.texts:
        return {"reason": f"it has no manifest of {component}"}
    manifest = parse_manifest(found.texts[component], found.paths[component])
    values = list(manifest.values(one["option"]))
    if any(MARK in value for value in values):
        return {"reason": "it holds a secret: keep it by hand"}
    lacking = [mount["path"] for mount in one["mounts"] if manifest.host_path(mount["path"]) != mount["path"]]
    lost = [
        value for value in values if files.get(manifest.host_path(value) or "", {}).get("exists") is False
    ]
    reason = f"{lacking[0]} is not mounted" if lacking else f"{lost[0]} is not there" if lost else ""
    return {"values": values, "reason": reason}


def common_settings(told: Mapping[str, list[Declared]]) -> tuple[list[Setting], list[str]]:
    """Return the items for with_settings that hold on every control plane, and why others are left out.

    told: control plane -> what it answered to the same settings; see declared_settings.
    """
    items: dict[tuple[str, str], Declared] = {}
    out: dict[tuple[str, str], str] = {}
    source = ""
    for host, some in told.items():
        source = source or host
        for one in some:
            key = (one["component"], one["option"])
            first = items.setdefault(key, one)
            if one["reason"]:
                out.setdefault(key, f"on {host}, {one['reason']}")
            elif _values(one) != _values(first):
                out.setdefault(key, f"{host} has {_shown(one)} and {source} {_shown(first)}")
    kept = [
        {name: one[name] for name in ("component", "option", "values", "mounts")}
        for key, one in items.items()
        if key not in out
    ]
    return kept, [f"--{option} of {component}: {out[component, option]}" for component, option in out]


def _values(one: Declared) -> Any:
    """Return what is compared: a list that was only added to or taken from has no order."""
    values = one["values"]
    return {word.strip() for text in values for word in text.split(",")} if one["unordered"] else values


def _shown(one: Declared) -> str:
    return " and ".join(one["values"]) or "none"
