# SPDX-License-Identifier: Apache-2.0
"""In what a manifest differs from the one that kubeadm would write, as Pods. Pure.

Order of options and the tag of an image say nothing: an upgrade chooses the tag. The initial cluster of etcd
and the patience of a startup probe are kubeadm's own, of the day when the node joined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cksharden.control_plane import Manifest

_ONCE = {"etcd": ("initial-cluster", "initial-cluster-state")}
_IGNORED = re.compile(
    r"/status|/metadata/creationTimestamp|/spec/containers/\d+/startupProbe/failureThreshold"
)
_KEYS = ("mountPath", "name", "containerPort")
_TAG = re.compile(r":[^:/@]+$")


@dataclass(frozen=True)
class Difference:
    """One thing that the next upgrade would lose, or bring back."""

    what: str
    here: Any
    """What the manifest says; None where it says nothing."""
    kubeadm: Any
    """What kubeadm would write; None for nothing."""
    option: str = ""
    """Its name where it is an option, without dashes."""
    patch: tuple[dict[str, Any], ...] = ()
    """The operations of a JSON patch (RFC 6902) that have kubeadm write it; none for an option's value."""


def options(live: Manifest, rendered: Manifest) -> Iterator[Difference]:
    """Yield the options that differ, in the order of the manifest."""
    for name in dict.fromkeys(one.name for one in (*live.options, *rendered.options)):
        here, there = live.values(name), rendered.values(name)
        if here != there and name not in _ONCE.get(live.component, ()):
            patch = _dropped(rendered, name) if not here else ()
            yield Difference(f"--{name} of {live.component}", _shown(here), _shown(there), name, patch)


def rest(live: Manifest, rendered: Manifest) -> Iterator[Difference]:
    """Yield all that differs beside the command lines of the component."""
    pods = _without_command(live), _without_command(rendered)
    for path, here, there, operation in _differences(pods[0], pods[1], ""):
        if not _IGNORED.fullmatch(path) and not (path.endswith("/image") and _same_image(here, there)):
            patch = _removed(path, there)
            if operation != "remove":
                patch = ({"op": operation, "path": path, "value": here},)
            yield Difference(f"{path} of {live.component}", here, there, patch=patch)


def patch_text(differences: list[Difference]) -> str:
    """Return the content of the patch file that has kubeadm write them, on one line."""
    removals = [one.patch for one in differences if one.patch and one.patch[-1]["op"] == "remove"]
    others = [one.patch for one in differences if one.patch and one.patch[-1]["op"] != "remove"]
    # From the end on: what is removed moves what stands behind it.
    removals.sort(key=lambda patch: [part.zfill(9) for part in patch[-1]["path"].split("/")], reverse=True)
    return json.dumps([operation for patch in (*others, *removals) for operation in patch])


def _removed(path: str, there: Any) -> tuple[dict[str, Any], ...]:
    """Return what removes one thing, and fails where another kubeadm writes something else at that place."""
    return {"op": "test", "path": path, "value": there}, {"op": "remove", "path": path}


def _dropped(rendered: Manifest, name: str) -> tuple[dict[str, Any], ...]:
    """Return what takes one of kubeadm's own options away."""
    containers = rendered.pod["spec"]["containers"]
    at = next(number for number, one in enumerate(containers) if one.get("name") == rendered.component)
    words = [(number, word) for number, word in enumerate(rendered.argv) if word.startswith(f"--{name}=")]
    if len(words) != 1:
        return ()
    return _removed(f"/spec/containers/{at}/command/{words[0][0]}", words[0][1])


def _shown(values: tuple[str, ...]) -> str | None:
    return " and ".join(values) if values else None


def _without_command(manifest: Manifest) -> dict[str, Any]:
    """Return the pod without the command line of its component, which options compares."""
    pod = json.loads(json.dumps(manifest.pod))
    for container in pod["spec"]["containers"]:
        if container.get("name") == manifest.component:
            container.pop("command", None)
            container.pop("args", None)
    return pod  # type: ignore[no-any-return]


def _same_image(here: Any, there: Any) -> bool:
    return isinstance(here, str) and isinstance(there, str) and _TAG.sub("", here) == _TAG.sub("", there)


def _differences(here: Any, there: Any, path: str) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield (path, here, there, operation) for what differs; the path is one of `there`."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in dict.fromkeys([*there, *here]):
            below = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _one(here.get(key), there.get(key), below, below)
    elif isinstance(here, list) and isinstance(there, list) and (key := _key(here + there)):
        mine = {one[key]: one for one in here}
        for index, one in enumerate(there):
            yield from _one(mine.pop(one[key], None), one, f"{path}/{index}", "")
        for one in mine.values():
            yield from _one(one, None, "", f"{path}/-")
    elif here != there:
        yield path, here, there, "replace"


def _one(here: Any, there: Any, path: str, added: str) -> Iterator[tuple[str, Any, Any, str]]:
    """Compare what may be on one side only; nothing, and what is empty, are the same."""
    if here in (None, {}, []) and there in (None, {}, []):
        return
    if there is None:
        yield added, here, there, "add"
    elif here is None:
        yield path, here, there, "remove"
    else:
        yield from _differences(here, there, path)


def _key(elements: list[Any]) -> str:
    """Return by what the elements of a list are told apart, "" where they can't be."""
    for key in _KEYS:
        if elements and all(isinstance(one, dict) and key in one for one in elements):
            return key
    return ""
