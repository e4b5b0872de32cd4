# SPDX-License-Identifier: Apache-2.0
"""Read the controls, and refuse what is not exactly right, naming file, key and mend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cksharden.errors import ControlError, UsageError, near
from cksharden.facts import parse_minor
from cksharden.kinds import KINDS
from cksharden.kinds.static_pod_rendering import StaticPodRendering, judged_options
from cksharden.model import Control
from cksharden.yaml_file import YamlFile

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTROLS = Path(__file__).parent / "controls"
PROFILES = Path(__file__).parent / "profiles"
_GUIDE = "docs/writing-a-control.md"


@dataclass(frozen=True)
class Catalogued:
    """A control together with its `with:`, checked against the schema of its kind."""

    control: Control
    spec: Any
    path: Path


def load_controls(directory: Path = CONTROLS) -> tuple[Catalogued, ...]:
    """Return all controls, ordered by component and id.

    Raises:
        ControlError: a file is no valid control.
    """
    controls = [load_control(path) for path in sorted(directory.glob("*/*.yml"))]
    return tuple(among(one, controls) for one in controls)


def among(one: Catalogued, controls: Iterable[Catalogued]) -> Catalogued:
    """Return a control that is about what no other judges as one that knows what they do."""
    if not isinstance(one.spec, StaticPodRendering):
        return one
    judged = judged_options(other.spec for other in controls)
    return replace(one, spec=msgspec.structs.replace(one.spec, judged=judged))


def load_control(path: Path) -> Catalogued:
    """Return the control of one file.

    Raises:
        ControlError: not YAML, a wrong key, type or version, or a `with:` that the kind refuses.
    """
    file = YamlFile.read(path, ControlError, _GUIDE)
    control = file.convert(Control, file.document.data)
    if control.id != path.stem:
        raise file.problem(f"the id is {control.id!r}", ("id",), f"name it {path.stem!r} like its file")
    if control.kind not in KINDS:
        raise file.problem(
            f"no such kind: {control.kind!r}", ("kind",), f"use one of {', '.join(sorted(KINDS))}"
        )
    _check_range(control, file)
    for name in control.profiles:
        if not (PROFILES / f"{name}.yml").exists():
            raise file.problem(f"no such profile: {name!r}", ("profiles",), f"use {builtin_profiles()}")
    return Catalogued(control, file.convert(KINDS[control.kind].spec, control.with_, ("with",)), path)


def find(controls: Iterable[Catalogued], name: str) -> Catalogued:
    """Return the control of that name.

    Raises:
        UsageError: there is none.
    """
    known = {one.control.id: one for one in controls}
    if name not in known:
        raise UsageError(f"no such control: {name}", mend=guess(name, known))
    return known[name]


def builtin_profiles() -> str:
    """Return the names of the built-in profiles, for a message."""
    return ", ".join(path.stem for path in sorted(PROFILES.glob("*.yml")))


def guess(name: str, known: Iterable[str]) -> str:
    """Return the mend for the name of a control that there is not."""
    return near(name, known) or "see `cksharden controls`"


def _check_range(control: Control, file: YamlFile) -> None:
    for key in ("since", "until"):
        value = getattr(control, key)
        if value is not None and parse_minor(value) is None:
            raise file.problem(f"{value!r} is no minor version", (key,), 'write it like "1.31"')
    since, until = parse_minor(control.since or ""), parse_minor(control.until or "")
    if since and until and since > until:
        raise file.problem(f"until {control.until} is before since {control.since}", ("until",), "swap them")
