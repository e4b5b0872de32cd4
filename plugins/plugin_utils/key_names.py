# SPDX-License-Identifier: GPL-3.0-or-later
"""A key's name says which one it follows: a rotation that was cut off is seen, and gone on with."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable

_FOLLOWS = re.compile(r"cksharden-[0-9a-f]{8}-([0-9a-f]{8})")


def new_name(before: str | None) -> str:
    """Return a name for a new key, by the randomness of this machine.

    before: the name of the key that it follows, None for none.
    """
    return f"cksharden-{secrets.token_hex(4)}" + (f"-{_mark(before)}" if before else "")


def latest(beginnings: Iterable[str]) -> str | None:
    """Return what begins the values of the key by which a rotation goes on, None where none was cut off.

    beginnings: `k8s:enc:PROVIDER:v1:NAME` of the keys that are there; a rotation ends as the key before goes.
    """
    known = sorted(set(beginnings))
    there = {(provider, _mark(name)) for provider, name in map(_parts, known)}
    following = [one for one in known if (_parts(one)[0], _followed(one)) in there]
    followed = {(_parts(one)[0], _followed(one)) for one in following}
    return next((one for one in following if (_parts(one)[0], _mark(_parts(one)[1])) not in followed), None)


def _parts(beginning: str) -> tuple[str, str]:
    """Return the provider and the name of a key."""
    provider, _colon, name = beginning.rpartition(":")
    return provider, name


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:8]


def _followed(beginning: str) -> str:
    """Return the mark of the key that a key follows, "" for none."""
    found = _FOLLOWS.fullmatch(_parts(beginning)[1])
    return found.group(1) if found else ""
