# SPDX-License-Identifier: Apache-2.0
"""Waivers: who answers for a control that does not hold on some hosts, why, and until which day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from cksharden.catalog import guess
from cksharden.errors import ProfileError
from cksharden.model import Waiver
from cksharden.policy import groups_of
from cksharden.yaml_file import YamlFile

FILE = "waivers.yml"
SOON = 30
"""Days before its end from which a waiver is told of."""
_GUIDE = "docs/profiles-and-waivers.md"
_TEXTS = ("control", "hosts", "owner", "reason")


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    waivers: tuple[Waiver, ...]


@dataclass(frozen=True)
class Waivers:
    """The waivers of an inventory."""

    waivers: tuple[Waiver, ...] = ()
    places: tuple[str, ...] = ()
    """`file:line` of each, for messages."""

    def check(self, inventory: Mapping[str, Sequence[str]]) -> None:
        """Refuse a waiver that matches no host.

        Args:
            inventory: group -> its hosts; empty where it is not known, and then nothing is refused.

        Raises:
            ProfileError: what it names is neither a host of the inventory nor a group that has one.
        """
        hosts = groups_of(inventory)
        for waiver, place in zip(self.waivers, self.places, strict=True) if inventory else ():
            if not any(_matches(waiver.hosts, host, groups) for host, groups in hosts.items()):
                groups = ", ".join(sorted(set().union(*hosts.values())))
                raise ProfileError(
                    f"{waiver.hosts!r} matches no host of the inventory",
                    file=place,
                    key="hosts",
                    mend=f"name a host, a pattern like 'w*', or one of its groups: {groups}",
                )

    def on(self, today: date) -> InForce:
        """Return them as they stand on a day."""
        return InForce(self.waivers, today)


@dataclass(frozen=True)
class InForce:
    """The waivers as they stand on a day."""

    waivers: tuple[Waiver, ...]
    today: date

    def of(self, control: str, host: str, groups: Collection[str]) -> Waiver | None:
        """Return what excepts a control on a host, or did: of several, that which holds longest."""
        found = (one for one in self.waivers if one.control == control and _matches(one.hosts, host, groups))
        return max(found, key=lambda one: one.expires, default=None)

    def expired(self, waiver: Waiver) -> bool:
        """Say whether its last day is over."""
        return self._days(waiver) < 0

    def note(self, waiver: Waiver) -> str | None:
        """Return what to say of a waiver that has expired or soon will."""
        days = self._days(waiver)
        if days > SOON:
            return None
        what = f"the waiver of {waiver.control} on {waiver.hosts} by {waiver.owner}"
        if days < 0:
            return f"{what} expired on {waiver.expires}: it fails again"
        left = ("today", "tomorrow")[days] if days < 2 else f"in {days} days"
        return f"{what} expires on {waiver.expires}, {left}"

    def _days(self, waiver: Waiver) -> int:
        return (date.fromisoformat(waiver.expires) - self.today).days


def load(directory: Path, controls: Collection[str]) -> Waivers:
    """Return the waivers that stand beside an inventory; no file is no waiver.

    Args:
        directory: the directory of the inventory.
        controls: the ids of all controls.

    Raises:
        ProfileError: the file is not exactly right.
    """
    path = directory / FILE
    if not path.exists():
        return Waivers()
    file = YamlFile.read(path, ProfileError, _GUIDE)
    found = tuple(map(_on_one_line, file.convert(_Content, file.document.data).waivers))
    first: dict[tuple[str, str], int] = {}
    for index, waiver in enumerate(found):
        _check(file, index, waiver, controls)
        earlier = first.setdefault((waiver.control, waiver.hosts), index)
        if earlier != index:
            before = file.place(("waivers", earlier))
            raise file.problem(
                f"{waiver.control} is waived on {waiver.hosts!r} already: {before}",
                ("waivers", index),
                "keep one of them",
            )
    return Waivers(found, tuple(file.place(("waivers", index)) for index in range(len(found))))


def _on_one_line(waiver: Waiver) -> Waiver:
    texts = {key: " ".join(getattr(waiver, key).split()) for key in _TEXTS}
    return msgspec.structs.replace(waiver, **texts)


def _check(file: YamlFile, index: int, waiver: Waiver, controls: Collection[str]) -> None:
    for key in _TEXTS:
        if not getattr(waiver, key):
            raise file.problem("it is empty", ("waivers", index, key))
    if waiver.control not in controls:
        name = waiver.control
        raise file.problem(f"no such control: {name!r}", ("waivers", index, "control"), guess(name, controls))
    try:
        msgspec.convert(waiver.expires, date)
    except msgspec.ValidationError as invalid:
        raise file.problem(
            f"{waiver.expires!r} is no date",
            ("waivers", index, "expires"),
            "write the last day on which it holds, like 2027-01-31",
        ) from invalid


def _matches(pattern: str, host: str, groups: Collection[str]) -> bool:
    return pattern in ("all", *groups) or fnmatchcase(host, pattern)
