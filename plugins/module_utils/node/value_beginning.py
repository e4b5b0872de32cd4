# SPDX-License-Identifier: GPL-3.0-or-later
"""How values lie in etcd: encrypted ones say in their first bytes by which provider and key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

IDENTITY = "identity"
"""How what is stored in the clear is called, where others have k8s:enc:PROVIDER:VERSION:KEY."""
_ENCRYPTED = b"k8s:enc:"
_LONGEST = 512
"""Bytes in which the beginning of a value ends: k8s:enc:PROVIDER:VERSION:KEY and a colon."""


def count(values: Iterable[bytes]) -> dict[str, int]:
    """Return how many values begin with each k8s:enc:PROVIDER:VERSION:KEY; the others are `identity`."""
    return dict(Counter(map(_beginning, values)))


def _beginning(value: bytes) -> str:
    if not value.startswith(_ENCRYPTED):
        return IDENTITY
    parts = value[:_LONGEST].split(b":", 5)[:5]
    return b":".join(parts).decode("utf-8", "backslashreplace")
