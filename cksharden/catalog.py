# SPDX-License-Identifier: Apache-2.0
"""Read controls and profiles, and refuse what is not exactly right, naming file, key and mend."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import Document, YamlError, load
from cksharden.errors import ControlError, ProfileError, UsageError
from cksharden.facts import parse_minor
from cksharden.kinds import KINDS
from cksharden.model import Control

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONTROLS = Path(__file__).parent / "controls"
PROFILES = Path(__file__).parent / "profiles"
DEFAULT_PROFILE = "cks"

T = TypeVar("T")


@dataclass(frozen=True)
class Catalogued:
    """A control together with its `with:`, checked against the schema of its kind."""

    control: Control
    spec: Any
    path: Path


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice of controls: a file below `profiles/`, or a team's own."""

    id: str
    title: str
    extends: str | None = None
    """A built-in profile whose controls it starts from."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The controls that a run judges, and the name under which they were chosen."""

    profile: str
    controls: tuple[Catalogued, ...]
    named: frozenset[str] = frozenset()
    """Controls that the user named one by one: opt-in controls among them are changed."""

    def request(self) -> dict[str, Any]:
        """Return what the collector must bring for these controls (schema in collector.py)."""
        wanted: dict[str, bool] = {}
        for one in self.controls:
            for request in KINDS[one.control.kind].requests(one.spec):
                wanted[request["path"]] = wanted.get(request["path"], False) or request["parents"]
        return {
            "schema": "1.0",
            "files": [{"path": path, "parents": wanted[path]} for path in sorted(wanted)],
        }


def load_controls(directory: Path = CONTROLS) -> tuple[Catalogued, ...]:
    """Return all controls, ordered by component and id.

    Raises:
        ControlError: a file is no valid control.
    """
    return tuple(load_control(path) for path in sorted(directory.glob("*/*.yml")))


def load_control(path: Path) -> Catalogued:
    """Return the control of one file.

    Raises:
        ControlError: not YAML, a wrong key, type or version, or a `with:` that the kind refuses.
    """
    document = _read(path, ControlError)
    control = _convert(document, Control, path, ControlError)
    if control.id != path.stem:
        raise ControlError(
            f"the id is {control.id!r}", file=path, key="id", mend=f"name it {path.stem!r} like its file"
        )
    if control.kind not in KINDS:
        raise ControlError(
            f"no such kind: {control.kind!r}",
            file=path,
            key="kind",
            mend=f"use one of {', '.join(sorted(KINDS))}",
        )
    for key in ("since", "until"):
        value = getattr(control, key)
        if value is not None and parse_minor(value) is None:
            raise ControlError(
                f"{value!r} is no minor version", file=path, key=key, mend='write it like "1.31"'
            )
    if (
        control.since
        and control.until
        and (parse_minor(control.since) or ()) > (parse_minor(control.until) or ())
    ):
        raise ControlError(
            f"until {control.until} is before since {control.since}", file=path, key="until", mend="swap them"
        )
    for name in control.profiles:
        if not (PROFILES / f"{name}.yml").exists():
            raise ControlError(
                f"no such profile: {name!r}", file=path, key="profiles", mend=f"use {_builtin()}"
            )
    spec = _convert(
        Document(document.data["with"], document.lines),
        KINDS[control.kind].spec,
        path,
        ControlError,
        ("with",),
    )
    return Catalogued(control, spec, path)


def select(
    controls: Sequence[Catalogued], profile: str = DEFAULT_PROFILE, only: Iterable[str] = ()
) -> Selection:
    """Return the controls of a profile, or of it those that are named in `only`.

    Args:
        controls: all of the catalogue.
        profile: the name of a built-in profile, or the path of a profile file.
        only: control ids; they need not be in the profile.

    Raises:
        ProfileError: no such profile, or one that is not valid.
        UsageError: no such control.
    """
    by_id = {one.control.id: one for one in controls}
    named = tuple(only)
    for name in named:
        if name not in by_id:
            raise UsageError(f"no such control: {name}", key="--control", mend=_guess(name, by_id))
    chosen = set(named) if named else _members(profile, by_id)
    return Selection(
        Path(profile).stem, tuple(one for one in controls if one.control.id in chosen), frozenset(named)
    )


def _members(name: str, by_id: dict[str, Catalogued]) -> set[str]:
    builtin = PROFILES / f"{name}.yml"
    path = builtin if builtin.exists() else Path(name)
    if not path.is_file():
        mend = f"use {_builtin()}, or the path of a profile file"
        raise ProfileError(f"no such profile: {name}", key="--profile", mend=mend)
    profile = _convert(_read(path, ProfileError), Profile, path, ProfileError)
    if path == builtin:
        members = {one.control.id for one in by_id.values() if name in one.control.profiles}
    else:
        members = set()
    if profile.extends is not None:
        if not (PROFILES / f"{profile.extends}.yml").exists():
            raise ProfileError(
                f"no such profile: {profile.extends!r}", file=path, key="extends", mend=f"use {_builtin()}"
            )
        members |= _members(profile.extends, by_id)
    for key in ("include", "exclude"):
        for control in getattr(profile, key):
            if control not in by_id:
                raise ProfileError(
                    f"no such control: {control!r}", file=path, key=key, mend=_guess(control, by_id)
                )
    return (members | set(profile.include)) - set(profile.exclude)


def _builtin() -> str:
    return ", ".join(path.stem for path in sorted(PROFILES.glob("*.yml")))


def _guess(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}?" if close else "see `cksharden controls`"


def _read(path: Path, error: type[ControlError | ProfileError]) -> Document:
    try:
        document = load(path.read_text(encoding="utf-8"))
    except (YamlError, UnicodeDecodeError, OSError) as problem:
        line = getattr(problem, "line", 0)
        raise error(
            str(problem), file=path, key=f"line {line}" if line else None, mend="correct the YAML"
        ) from problem
    if not isinstance(document.data, dict):
        raise error("the file is no mapping of keys", file=path, mend="see docs/writing-a-control.md")
    return document


def _convert(
    document: Document,
    kind: type[T],
    path: Path,
    error: type[ControlError | ProfileError],
    prefix: tuple[str, ...] = (),
) -> T:
    try:
        return msgspec.convert(document.data, kind)
    except msgspec.ValidationError as problem:
        message, _, place = str(problem).partition(" - at `$")
        field = re.search(r"field `([^`]+)`", message)
        parts = [*prefix, *re.findall(r"[^.`\[\]]+", place), *([field[1]] if field else [])]
        line = document.line(tuple(int(part) if part.isdigit() else part for part in parts))
        key = ".".join(parts) or None
        raise error(
            message, file=f"{path}:{line}", key=key, mend="see docs/writing-a-control.md"
        ) from problem
