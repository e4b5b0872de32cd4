# SPDX-License-Identifier: Apache-2.0
"""The types of what the section `files` says: recorded facts may have been edited."""

from __future__ import annotations

import msgspec

from cksharden.facts import Unknown


class _Parent(msgspec.Struct, frozen=True):
    path: str
    mode: str
    uid: int
    gid: int
    owner: str | None
    """None where the number has no name."""
    group: str | None


class _Entry(msgspec.Struct, frozen=True):
    """A FileEntry of module_utils/node/safe_read.py, as far as it is judged."""

    path: str
    exists: bool | None
    """None where it can't be told."""
    real_path: str | None = None
    mode: str | None = None
    uid: int | None = None
    gid: int | None = None
    owner: str | None = None
    group: str | None = None
    error: str | None = None
    parents: list[_Parent] | None = None


class _Pattern(msgspec.Struct, frozen=True):
    matches: list[_Entry]
    error: str | None = None


def check_pattern(path: str, pattern: object) -> None:
    """Raise Unknown where what was collected of a path or glob is not of the types that are judged."""
    try:
        msgspec.convert(pattern, _Pattern)
    except msgspec.ValidationError as error:
        raise Unknown(f"{path}: its facts are not as they should be: {error}") from error
