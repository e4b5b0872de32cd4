# SPDX-License-Identifier: Apache-2.0
"""What is expected of one setting: the `with:` of a control, and the comparison by meaning."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cksharden.model import Status

_UNSET = msgspec.UNSET


class KubeletSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `with:` of a kubelet_setting; exactly one of equals, one_of, subset_of, is_set and the limits."""

    key: str | None = None
    """Dotted key of the KubeletConfiguration; none for what only a flag can say."""
    flag: str | None = None
    """The command-line twin, without dashes; it overrides the key."""
    default: Any = _UNSET
    """What the kubelet does with a key that nobody sets; it is judged like a value that somebody set."""
    absent: Literal["pass", "fail", "unknown"] | msgspec.UnsetType = _UNSET
    """What a key that nobody sets means, where the kubelet's default is no value that could be compared."""
    equals: Any = _UNSET
    one_of: list[Any] | msgspec.UnsetType = _UNSET
    subset_of: list[str] | msgspec.UnsetType = _UNSET
    at_least: int | msgspec.UnsetType = _UNSET
    at_most: int | msgspec.UnsetType = _UNSET
    is_set: bool | msgspec.UnsetType = _UNSET
    """Whether somebody has to give it a text, any text, or nobody may."""
    set: Any = _UNSET
    """The value to write where the expectation leaves a choice."""

    def __post_init__(self) -> None:
        limits = self.at_least is not _UNSET or self.at_most is not _UNSET
        ways = (self.equals, self.one_of, self.subset_of, self.is_set)
        if sum(way is not _UNSET for way in ways) + limits != 1:
            raise ValueError("give exactly one of equals, one_of, subset_of, is_set and at_least/at_most")
        if (self.default is _UNSET) == (self.absent is _UNSET):
            raise ValueError("give exactly one of default and absent")
        if self.key is None and self.flag is None:
            raise ValueError("give a key, a flag, or both")
        if self.one_of == [] or self.subset_of == []:
            raise ValueError("one_of and subset_of need at least one value")
        if self.equals is None or isinstance(self.equals, dict):
            raise ValueError("equals must be a value, not null and not a mapping")
        if self.target is not None and not self.holds(self.target):
            if self.set is _UNSET:
                raise ValueError(f"no value is {self.expected}")
            raise ValueError(
                f"set: {self.set!r} does not meet the control's own expectation ({self.expected}): "
                "give a `set` that does too"
            )

    @property
    def name(self) -> str:
        """What the setting is called in messages."""
        return self.key or f"--{self.flag}"

    @property
    def gate(self) -> str | None:
        """The feature gate that the setting is, if it is one: the flag of gates hides none of the file's."""
        parent, _, name = (self.key or "").partition(".")
        return name if parent == "featureGates" else None

    @property
    def target(self) -> Any:
        """The value that cksharden writes; None where it has none to give."""
        choices = (
            self.set,
            self.equals,
            self.one_of[0] if isinstance(self.one_of, list) else _UNSET,
            self.subset_of,
            self.at_least,
            self.at_most,
        )
        return next((choice for choice in choices if choice is not _UNSET), None)

    @property
    def like(self) -> Any:
        """A value of the type that the expectation is about."""
        return "" if self.target is None else self.target

    @property
    def expected(self) -> str:
        """The expectation in words."""
        if self.equals is not _UNSET:
            return show(self.equals)
        if isinstance(self.one_of, list):
            return "one of " + ", ".join(map(show, self.one_of))
        if isinstance(self.subset_of, list):
            return "none but " + ", ".join(self.subset_of)
        if self.is_set is not _UNSET:
            return "set" if self.is_set else "not set"
        low = "" if self.at_least is _UNSET else f"at least {self.at_least}"
        high = "" if self.at_most is _UNSET else f"at most {self.at_most}"
        return " and ".join(filter(None, (low, high)))

    def unset(self) -> tuple[Status, str]:
        """Return what it means that nobody sets it, and why."""
        if self.default is not _UNSET:
            status = Status.PASS if self.holds(self.default) else Status.FAIL
            return status, f"{self.name} is not set, and the kubelet's default is {show(self.default)}"
        words = {
            "pass": "is not set",
            "fail": "is not set",
            "unknown": "is not set, and what the kubelet then does is not known",
        }
        return Status(str(self.absent)), f"{self.name} {words[str(self.absent)]}"

    def of_flag(self, text: str) -> str | None:
        """Return what the text of the flag says of this setting; None where it speaks of other gates only."""
        if self.gate is None:
            return text
        gates = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
        return gates.get(self.gate)

    def holds(self, value: Any) -> bool:
        """Say whether a typed value meets the expectation."""
        if self.is_set is not _UNSET:
            return bool(value) is self.is_set
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
        return ",".join(map(show, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
