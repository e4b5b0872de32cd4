# SPDX-License-Identifier: GPL-3.0-or-later
"""What every change of a transaction has in common: its steps, and the ways in which it is refused."""

from __future__ import annotations

from typing import Any, Protocol

from . import fsio

Change = dict[str, Any]


class RefusedError(Exception):
    """The node must not be changed: the text says what stands against it."""


class MovedError(RefusedError):
    """What was planned against is not what is there now."""


class Step(Protocol):
    """What the agent does with each change, whatever its action."""

    path: str
    entry: fsio.Entry
    """How the target was before, as it is kept in the backup."""

    def check(self) -> None:
        """Raise RefusedError unless the change can be made as planned."""

    def check_again(self) -> None:
        """Raise MovedError where the ground has moved since check."""

    def content(self) -> bytes | None:
        """Return the content to keep in the backup, None where there is none."""

    def space(self) -> tuple[str, int]:
        """Return a directory that exists and the bytes that staging needs there."""

    def stage(self) -> None:
        """Put what will be swapped in on the filesystem of the target."""

    def swap(self) -> None:
        """Make the change."""

    def put_back(self, kept: bytes | None) -> None:
        """Undo swap, from whatever point it had reached; kept is the content in the backup."""

    def clean(self) -> None:
        """Remove what was staged."""


def check_ground(path: str, ground: fsio.State | None, found: fsio.State | None) -> None:
    """Raise MovedError where found is not what was planned against."""
    told = fsio.difference(ground, found)
    if told:
        raise MovedError(f"{path} has changed since the plan: {told}")
