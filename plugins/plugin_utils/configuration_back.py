# SPDX-License-Identifier: GPL-3.0-or-later
"""Take out of kubeadm-config what a run has put into it, and nothing that others have put there. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    SECTIONS,
    Configuration,
)


class Back(NamedTuple):
    """kubeadm-config as it is to be."""

    text: str
    goes: list[str]
    """Options and volumes that are put back as they were before the run."""
    left: list[str]
    """What somebody has changed since, so that it stays."""


def taken_back(now: str, before: str, after: str, *, force: bool) -> Back:
    """Return kubeadm-config without what lies between `before` and `after` a run.

    Where nobody has changed it since, that is the text of before, to the byte. Else option by option: what
    is as the run left it goes back; what is another stays and is named, but with force.

    Raises ConfigurationError.
    """
    if now == before:
        return Back(now, [], [])
    old, new, here = Configuration(before), Configuration(after), Configuration(now)
    goes: list[str] = []
    left: list[str] = []
    for component in SECTIONS:
        was, ours, there = (one.options(component) for one in (old, new, here))
        for option in dict.fromkeys([*was, *ours]):
            wanted, found = was.get(option, []), there.get(option, [])
            if wanted == ours.get(option, []) or found == wanted:
                continue
            name = f"--{option} of {component}"
            if found != ours.get(option, []) and not force:
                left.append(name)
                continue
            goes.append(name)
            here.put(component, option, wanted)
        _volumes(component, (old, new, here), goes, left, force=force)
    return Back(before if now == after else here.text, goes, left)


def _volumes(
    component: str,
    documents: tuple[Configuration, Configuration, Configuration],
    goes: list[str],
    left: list[str],
    *,
    force: bool,
) -> None:
    """Take away each volume that the run added, unless an option that stays needs it."""
    here = documents[-1]
    was, ours, there = (one.volumes(component) for one in documents)
    named = [value for values in here.options(component).values() for value in values]
    for name, volume in ours.items():
        path = volume.get("mountPath", "")
        if name in was or name not in there or any(value.startswith(f"{path}/") for value in named):
            continue
        told = f"the volume {name} of {component}"
        if there[name] != volume and not force:
            left.append(told)
        else:
            goes.append(told)
            here.unmount(component, name)
