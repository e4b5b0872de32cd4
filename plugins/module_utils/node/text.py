# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile bytes and names made into text that is safe to carry in JSON and to show on a line."""

from __future__ import annotations

import codecs
import os
from typing import Any

Json = Any


def plain(value: str | bytes) -> str:
    """Return value as text without lone surrogates: what is not UTF-8 becomes a backslash escape.

    Names that os.listdir returned as str carry such bytes as surrogates; they come out the same
    way as if they had been read as bytes.
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        try:
            return value.encode("utf-8").decode("utf-8")
        except UnicodeEncodeError:
            value = _bytes_of(value)
    return value.decode("utf-8", "backslashreplace")


def _bytes_of(value: str) -> bytes:
    try:
        return os.fsencode(value)
    except UnicodeEncodeError:  # a surrogate that no file name gives
        return value.encode("utf-8", "backslashreplace")


def is_lossy(value: bytes, *, cut: bool = False) -> bool:
    """Tell whether plain(value) can't be turned back into the same bytes.

    cut: value was cut somewhere, perhaps within a character, which does not count.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(value, final=not cut)
    except UnicodeDecodeError:
        return True
    return False


def plain_json(value: Json) -> Json:
    """Return a copy of a JSON value in which every string, keys included, went through plain()."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(str(key)): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    return value


def one_line(value: str, limit: int = 300) -> str:
    """Return value as one printable line of at most limit characters (terminal escapes shown, not sent)."""
    words = " ".join(plain(value).split())
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in words)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
