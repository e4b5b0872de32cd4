# SPDX-License-Identifier: Apache-2.0
"""Read values as the flag packages of Go do (strconv.ParseBool, time.ParseDuration)."""

from __future__ import annotations

import re

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|ns|m|s)")


def parse_bool(text: str) -> bool:
    """Return what a boolean option means. Raises ValueError."""
    if text not in (*_TRUE, *_FALSE):
        raise ValueError(f"{text!r} is neither true nor false")
    return text in _TRUE


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as "1m30s". Raises ValueError."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    parts = _PART.findall(rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise ValueError(f"{text!r} is no duration")
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)
