# SPDX-License-Identifier: Apache-2.0
"""What is asked of which host: a profile's controls and parameters, and what its groups say. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from cksharden.catalog import among
from cksharden.errors import ProfileError, UsageError
from cksharden.kinds import KINDS
from cksharden.model import SCHEMA, Waiver

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued

POLICY_FORMAT = "cksharden-policy"
NO_GROUPS = ("all", "ungrouped")
"""Ansible's own groups: what holds for every host stands in the profile itself."""


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is different for the hosts of one group of the inventory."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parameters: dict[str, dict[str, Any]] = {}
    """Control -> the values of its `with:` that are different here."""


class Policy(msgspec.Struct, frozen=True):
    """What was asked of which host: `policy.json`, so that a later verify asks the same."""

    profile: str
    controls: dict[str, dict[str, Any]]
    """Control -> its `with:`, the profile's parameters included."""
    named: tuple[str, ...]
    grouped: tuple[str, ...]
    """Controls that are asked only where a group includes them."""
    groups: dict[str, Choice]
    waivers: tuple[Waiver, ...]
    format: str = POLICY_FORMAT
    schema: str = SCHEMA


@dataclass(frozen=True)
class Selection:
    """The controls that a run judges, and the name under which they were chosen."""

    profile: str
    controls: tuple[Catalogued, ...]
    """All that are asked of any host, with the parameters that hold where no group says otherwise."""
    named: frozenset[str] = frozenset()
    """Controls that the user named one by one: opt-in controls among them are changed."""
    grouped: frozenset[str] = frozenset()
    """Controls among them that are asked only where a group includes them."""
    groups: Mapping[str, Choice] = field(default_factory=dict)
    """What is different in a group of the inventory."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Group -> `file:line` that says so, for messages."""

    def for_host(self, host: str, groups: Collection[str]) -> tuple[Catalogued, ...]:
        """Return what is asked of a host, with the parameters that hold for it.

        Args:
            host: its name, for messages.
            groups: its groups in the inventory; those of which the profile says nothing do not matter.

        Raises:
            ProfileError: two of its groups contradict each other.
        """
        mine = self._mine(groups)
        if not mine and not self.grouped:
            return self.controls
        chosen = (one for one in self.controls if self._asked(one.control.id, host, mine))
        return tuple(self._tuned(one, host, mine) for one in chosen)

    def why_not(self, control: str, groups: Collection[str]) -> str:
        """Say why a control of this selection is not asked of a host in these groups."""
        for name in self._mine(groups):
            if control in self.groups[name].exclude:
                return f"the profile {self.profile} leaves it out of the group {name}"
        including = ", ".join(name for name, choice in self.groups.items() if control in choice.include)
        return f"the profile {self.profile} asks it of the group {including} only"

    def check(self, inventory: Mapping[str, Sequence[str]]) -> None:
        """Refuse a profile that does not fit an inventory.

        Args:
            inventory: group -> its hosts; empty where it is not known, and then nothing is refused.

        Raises:
            ProfileError: it names a group that is not there, or two groups of a host contradict each other.
        """
        if not inventory:
            return
        there = sorted(set(inventory) - set(NO_GROUPS))
        for name in self.groups:
            if name not in there:
                raise self._problem(
                    f"the inventory has no group {name!r}",
                    name,
                    f"use one of {', '.join(there)}; what holds for all hosts stands outside of groups",
                )
        for host, groups in groups_of(inventory).items():
            self.for_host(host, groups)

    def variants(self, control: str) -> dict[str, Catalogued | None]:
        """Return what is asked of the hosts of each group that says something of a control.

        None: it is not asked of them. The key "" holds what is asked of all other hosts.
        """
        own = next((one for one in self.controls if one.control.id == control), None)
        if own is None:
            return {"": None}
        found: dict[str, Catalogued | None] = {"": None if control in self.grouped else own}
        for name, choice in self.groups.items():
            if control in (*choice.include, *choice.exclude, *choice.parameters):
                asked = self._asked(control, name, [name])
                found[name] = self._tuned(own, name, [name]) if asked else None
        return found

    def request(self) -> dict[str, Any]:
        """Return what the collector must bring for these controls (schema in collector.py)."""
        wanted: dict[str, bool] = {}
        for one in self.controls:
            # A group's parameters may hold for a host that another of its groups includes.
            for variant in (one, *(self._tuned(one, name, [name]) for name in self.groups)):
                for request in KINDS[one.control.kind].requests(variant.spec):
                    wanted[request["path"]] = wanted.get(request["path"], False) or request["parents"]
        return {
            "schema": "1.0",
            "files": [{"path": path, "parents": wanted[path]} for path in sorted(wanted)],
        }

    def _mine(self, groups: Collection[str]) -> list[str]:
        return sorted(self.groups.keys() & set(groups))

    def _asked(self, control: str, host: str, mine: list[str]) -> bool:
        including = [name for name in mine if control in self.groups[name].include]
        excluding = [name for name in mine if control in self.groups[name].exclude]
        if including and excluding:
            raise self._contradiction(host, (including[0], excluding[0]), f"include and exclude {control}")
        return bool(including) or (control not in self.grouped and not excluding)

    def _tuned(self, one: Catalogued, host: str, mine: list[str]) -> Catalogued:
        control = one.control.id
        given: dict[str, tuple[str, Any]] = {}
        for name in mine:
            for key, value in self.groups[name].parameters.get(control, {}).items():
                first, before = given.setdefault(key, (name, value))
                if before != value:
                    what = f"give {control} different values of {key}: {before!r} and {value!r}"
                    raise self._contradiction(host, (first, name), what)
        if not given:
            return one
        try:
            return tuned(one, {key: value for key, (_, value) in given.items()})
        except (msgspec.ValidationError, ValueError) as error:
            names = tuple(sorted({name for name, _ in given.values()}))
            raise self._contradiction(
                host, names, f"give {control} parameters that do not go together: {error}"
            ) from error

    def _contradiction(self, host: str, names: tuple[str, ...], what: str) -> ProfileError:
        message = f"{host} is in the groups {' and '.join(names)}, which {what}"
        return self._problem(message, names[-1], "say it of one of them alone, or of a group of its own")

    def _problem(self, message: str, group: str, mend: str) -> ProfileError:
        return ProfileError(message, file=self.places.get(group), key=f"groups.{group}", mend=mend)


def tuned(one: Catalogued, parameters: Mapping[str, Any]) -> Catalogued:
    """Return a control with other values in its `with:`, checked as if they had been written there.

    Raises:
        ValueError: the kind refuses them, or that they are changed.
        msgspec.ValidationError: likewise, with the place.
    """
    KINDS[one.control.kind].check_parameters(one.spec, parameters)
    return _with(one, one.control.with_ | dict(parameters))


def record(selection: Selection, waivers: tuple[Waiver, ...]) -> Policy:
    """Return what a run keeps of what it asks."""
    return Policy(
        selection.profile,
        {one.control.id: one.control.with_ for one in selection.controls},
        tuple(sorted(selection.named)),
        tuple(sorted(selection.grouped)),
        dict(selection.groups),
        waivers,
    )


def recorded(policy: Policy, catalogue: Iterable[Catalogued]) -> Selection:
    """Return the selection that a run has kept.

    Raises:
        UsageError: a control of it is no longer there, or its kind has changed.
    """
    by_id = {one.control.id: one for one in catalogue}
    mend = "use the version of cksharden that made the run"
    controls = []
    for name, values in policy.controls.items():
        if name not in by_id:
            raise UsageError(f"no such control: {name}", mend=mend)
        try:
            controls.append(among(_with(by_id[name], values), by_id.values()))
        except msgspec.ValidationError as error:
            raise UsageError(f"{name}: {error}", mend=mend) from error
    return Selection(
        policy.profile, tuple(controls), frozenset(policy.named), frozenset(policy.grouped), policy.groups
    )


def groups_of(inventory: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the groups of each host of an inventory that is given as group -> hosts."""
    found: dict[str, set[str]] = {}
    for group, hosts in inventory.items():
        for host in hosts:
            found.setdefault(host, set()).update({group} - set(NO_GROUPS))
    return found


def _with(one: Catalogued, values: dict[str, Any]) -> Catalogued:
    spec = msgspec.convert(values, KINDS[one.control.kind].spec)
    return replace(one, control=msgspec.structs.replace(one.control, with_=values), spec=spec)
