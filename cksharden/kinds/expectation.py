# SPDX-License-Identifier: Apache-2.0
"""What is expected of one setting: the `with:` of a control, and the comparison by meaning."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

_UNSET = msgspec.UNSET


class KubeletSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `with:` of a kubelet_setting; exactly one of equals, one_of, subset_of and the limits."""

    key: str
    """Dotted key of the KubeletConfiguration."""
    absent: Literal["pass", "fail", "unknown"]
    """What an option that nobody sets means: the kubelet's own default, judged once, here."""
    flag: str | None = None
    """The deprecated command-line twin, without dashes; it overrides the key."""
    equals: Any = _UNSET
    one_of: list[Any] | msgspec.UnsetType = _UNSET
    subset_of: list[str] | msgspec.UnsetType = _UNSET
    at_least: int | msgspec.UnsetType = _UNSET
    at_most: int | msgspec.UnsetType = _UNSET
    set: Any = _UNSET
    """The value to write where the expectation leaves a choice."""

    def __post_init__(self) -> None:
        limits = self.at_least is not _UNSET or self.at_most is not _UNSET
        given = [self.equals is not _UNSET, self.one_of is not _UNSET, self.subset_of is not _UNSET, limits]
        if sum(given) != 1:
            raise ValueError("give exactly one of equals, one_of, subset_of and at_least/at_most")
        if self.one_of == [] or self.subset_of == []:
            raise ValueError("one_of and subset_of need at least one value")
        if self.equals is None or isinstance(self.equals, dict):
            raise ValueError("equals must be a value, not null and not a mapping")
        if not self.holds(self.target):
            raise ValueError(f"set: {self.target!r} does not meet the control's own expectation")

    @property
    def target(self) -> Any:
        """The value that cksharden writes."""
        choices = (
            self.set,
            self.equals,
            self.one_of[0] if isinstance(self.one_of, list) else _UNSET,
            self.subset_of,
            self.at_least,
            self.at_most,
        )
        return next(choice for choice in choices if choice is not _UNSET)

    @property
    def expected(self) -> str:
        """The expectation in words."""
        if self.equals is not _UNSET:
            return show(self.equals)
        if isinstance(self.one_of, list):
            return "one of " + ", ".join(map(show, self.one_of))
        if isinstance(self.subset_of, list):
            return "none but " + ", ".join(self.subset_of)
        low = "" if self.at_least is _UNSET else f"at least {self.at_least}"
        high = "" if self.at_most is _UNSET else f"at most {self.at_most}"
        return " and ".join(filter(None, (low, high)))

    def holds(self, value: Any) -> bool:
        """Say whether a typed value meets the expectation."""
        if self.equals is not _UNSET:
            same_set = isinstance(self.equals, list) and isinstance(value, list)
            return sorted(value) == sorted(self.equals) if same_set else same(value, self.equals)
        if isinstance(self.one_of, list):
            return any(same(value, choice) for choice in self.one_of)
        if isinstance(self.subset_of, list):
            return isinstance(value, list) and bool(value) and set_of(value) <= set_of(self.subset_of)
        low = self.at_least if isinstance(self.at_least, int) else value
        high = self.at_most if isinstance(self.at_most, int) else value
        return isinstance(value, int) and low <= value <= high


def typed(value: Any, like: Any) -> Any:
    """Return `value` in the type of the expectation: flags are text, and so are some numbers in files.

    Raises:
        ValueError: it is not of that type.
    """
    if isinstance(like, bool):
        if str(value).lower() in ("true", "false", "1", "0", "t", "f"):
            return str(value).lower() in ("true", "1", "t")
    elif isinstance(like, int):
        text = str(value)
        if not isinstance(value, bool) and text.removeprefix("-").isdigit():
            return int(text)
    elif isinstance(like, list):
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list):
            return [str(part) for part in value]
    elif isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not a value of the type {type(like).__name__}")


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one type: 0 is not false."""
    return type(one) is type(other) and bool(one == other)


def set_of(values: list[Any]) -> frozenset[str]:
    """Return the values as a set of text; order means nothing in the lists that are compared here."""
    return frozenset(str(value) for value in values)


def show(value: Any) -> str:
    """Return a value as the YAML of a kubelet configuration would show it."""
    if isinstance(value, list):
        return ",".join(map(show, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
