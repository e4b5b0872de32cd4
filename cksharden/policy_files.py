# SPDX-License-Identifier: Apache-2.0
"""Read a profile and what it extends, and choose the controls by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cksharden.catalog import PROFILES, Catalogued, builtin_profiles, guess
from cksharden.errors import ProfileError, UsageError
from cksharden.policy import Choice, Selection, tuned
from cksharden.yaml_file import Key, YamlFile

DEFAULT_PROFILE = "cks"
_GUIDE = "docs/profiles-and-waivers.md"


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice of controls: a file below `profiles/`, or a team's own."""

    id: str
    title: str
    extends: str | None = None
    """What it starts from: a built-in profile, or a file, from the directory of this one."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    """Control -> the values of its `with:` that are different here."""
    groups: dict[str, Any] = {}
    """Group of the inventory -> a Choice: what is different for its hosts."""


@dataclass
class _Draft:
    """What the profiles read so far say, the one that is extended before the one that extends it."""

    controls: dict[str, Catalogued]
    """All of the catalogue, with the parameters so far."""
    chosen: set[str] = field(default_factory=set)
    groups: dict[str, Choice] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def select(
    controls: Sequence[Catalogued], profile: str = DEFAULT_PROFILE, only: Iterable[str] = ()
) -> Selection:
    """Return the controls of a profile, or those that are named in `only`, with the profile's parameters.

    Args:
        controls: all of the catalogue.
        profile: the name of a built-in profile, or the path of a profile file.
        only: control ids; they need not be in the profile. What a group leaves out stays out.

    Raises:
        ProfileError: no such profile, or one that is not valid.
        UsageError: no such control.
    """
    draft = _Draft({one.control.id: one for one in controls})
    named = frozenset(only)
    for name in sorted(named - draft.controls.keys()):
        raise UsageError(f"no such control: {name}", key="--control", mend=guess(name, draft.controls))
    chain = _chain(profile)
    for file, own in chain:
        _choose(draft, file, own)
    for file, own in chain:
        _group(draft, file, own)
    included = {control for choice in draft.groups.values() for control in choice.include}
    everywhere = named or draft.chosen
    asked = named or draft.chosen | included
    return Selection(
        chain[-1][1].id,
        tuple(one for one in draft.controls.values() if one.control.id in asked),
        named,
        frozenset(asked - everywhere),
        draft.groups,
        draft.places,
    )


def _chain(name: str) -> list[tuple[YamlFile, Profile]]:
    """Return a profile and all that it extends, the first of them first."""
    path = _find(name, Path())
    if path is None:
        mend = f"use {builtin_profiles()}, or the path of a profile file"
        raise ProfileError(f"no such profile: {name}", key="--profile", mend=mend)
    chain: list[tuple[YamlFile, Profile]] = []
    while path is not None:
        file = YamlFile.read(path, ProfileError, _GUIDE)
        profile = file.convert(Profile, file.document.data)
        chain.append((file, profile))
        if profile.extends is None:
            break
        path = _find(profile.extends, path.parent)
        if path is None:
            raise file.problem(
                f"no such profile: {profile.extends!r}",
                ("extends",),
                f"use {builtin_profiles()}, or a file, from the directory of this one",
            )
        if any(path.samefile(earlier.path) for earlier, _ in chain):
            circle = " extends ".join([*(one.id for _, one in chain), profile.extends])
            raise file.problem(f"it extends itself: {circle}", ("extends",), "break the circle")
    return chain[::-1]


def _find(name: str, directory: Path) -> Path | None:
    places = (PROFILES / f"{name}.yml", directory / name)
    return next((path for path in places if path.is_file()), None)


def _choose(draft: _Draft, file: YamlFile, profile: Profile) -> None:
    """Add what a profile says of all hosts."""
    if file.path.parent == PROFILES:
        draft.chosen |= {
            name for name, one in draft.controls.items() if file.path.stem in one.control.profiles
        }
    choice = _checked(draft.controls, file, (), profile)
    draft.chosen |= set(choice.include)
    draft.chosen -= set(choice.exclude)
    for name, values in choice.parameters.items():
        draft.controls[name] = _tuned(draft.controls[name], values, file, ("parameters", name))


def _group(draft: _Draft, file: YamlFile, profile: Profile) -> None:
    """Add what a profile says of the hosts of single groups."""
    for name, given in profile.groups.items():
        place: Key = ("groups", name)
        choice = _checked(draft.controls, file, place, file.convert(Choice, given, place))
        merged = _merged(draft.groups.get(name, Choice()), choice)
        for control in choice.parameters:
            values = merged.parameters[control]
            _tuned(draft.controls[control], values, file, (*place, "parameters", control))
        draft.groups[name], draft.places[name] = merged, file.place(place)


def _merged(under: Choice, over: Choice) -> Choice:
    parameters = dict(under.parameters)
    for control, values in over.parameters.items():
        parameters[control] = parameters.get(control, {}) | values
    return Choice(
        (*(one for one in under.include if one not in over.exclude), *over.include),
        (*(one for one in under.exclude if one not in over.include), *over.exclude),
        parameters,
    )


def _checked(known: Collection[str], file: YamlFile, place: Key, given: Profile | Choice) -> Choice:
    """Return what is included, excluded and tuned at a place of a file, once every name is known."""
    parts: Mapping[str, Iterable[str]] = {
        "include": given.include,
        "exclude": given.exclude,
        "parameters": given.parameters,
    }
    for key, names in parts.items():
        for name in names:
            if name not in known:
                raise file.problem(f"no such control: {name!r}", (*place, key), guess(name, known))
    for name in given.exclude:
        if name in given.include:
            raise file.problem(f"{name} is included and excluded", (*place, "exclude"), "keep one of them")
    for name, values in given.parameters.items():
        if not isinstance(values, dict):
            raise file.problem(
                f"{values!r} is no mapping", (*place, "parameters", name), "write keys of its `with:`"
            )
    return Choice(given.include, given.exclude, given.parameters)


def _tuned(one: Catalogued, values: dict[str, Any], file: YamlFile, place: Key) -> Catalogued:
    try:
        return tuned(one, values)
    except msgspec.ValidationError as invalid:
        raise file.wrong(invalid, type(one.spec), place) from invalid
    except ValueError as error:
        raise file.problem(str(error), place, f"see `cksharden explain {one.control.id}`") from error
