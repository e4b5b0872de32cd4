# SPDX-License-Identifier: Apache-2.0
"""What is expected of one value: the words that the `with:` of several kinds share, and the comparison."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cksharden.model import Status

_UNSET = msgspec.UNSET
CHANGING = frozenset(
    (
        "absent",
        "equals",
        "one_of",
        "subset_of",
        "contains",
        "excludes",
        "at_least",
        "at_most",
        "is_set",
        "set",
    )
)
"""The words of an expectation that a profile may change; the others say what it is about."""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Exactly one of equals, one_of, subset_of, contains, excludes, is_set and the two limits."""

    default: Any = _UNSET
    """What an option that nobody sets does; it is judged like a value that somebody set."""
    absent: Literal["pass", "fail", "unknown"] | msgspec.UnsetType = _UNSET
    """What an option that nobody sets means, where its default is no value that could be compared."""
    equals: Any = _UNSET
    one_of: list[Any] | msgspec.UnsetType = _UNSET
    subset_of: list[str] | msgspec.UnsetType = _UNSET
    contains: list[str] | msgspec.UnsetType = _UNSET
    excludes: list[str] | msgspec.UnsetType = _UNSET
    at_least: int | msgspec.UnsetType = _UNSET
    at_most: int | msgspec.UnsetType = _UNSET
    is_set: bool | msgspec.UnsetType = _UNSET
    """Whether somebody has to give it a text, any text, or nobody may."""
    set: Any = _UNSET
    """The value to write where the expectation leaves a choice."""

    def __post_init__(self) -> None:
        lists = (self.one_of, self.subset_of, self.contains, self.excludes)
        limits = self.at_least is not _UNSET or self.at_most is not _UNSET
        ways = (self.equals, *lists, self.is_set)
        if sum(way is not _UNSET for way in ways) + limits != 1:
            names = "equals, one_of, subset_of, contains, excludes, is_set and at_least/at_most"
            raise ValueError(f"give exactly one of {names}")
        if (self.default is _UNSET) == (self.absent is _UNSET):
            raise ValueError("give exactly one of default and absent")
        if [] in lists:
            raise ValueError("one_of, subset_of, contains and excludes need at least one value")
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
    def expected(self) -> str:
        """The expectation in words."""
        if self.equals is not _UNSET:
            return show(self.equals)
        if self.is_set is not _UNSET:
            return "set" if self.is_set else "not set"
        for words, values in (
            ("one of", self.one_of),
            ("none but", self.subset_of),
            ("with", self.contains),
            ("without", self.excludes),
        ):
            if isinstance(values, list):
                return f"{words} {', '.join(map(show, values))}"
        low = "" if self.at_least is _UNSET else f"at least {self.at_least}"
        high = "" if self.at_most is _UNSET else f"at most {self.at_most}"
        return " and ".join(filter(None, (low, high)))

    def unset(self, name: str, owner: str, default: Any = _UNSET) -> tuple[Status, str]:
        """Return what it means that nobody sets it, and why.

        Args:
            name: what the option is called.
            owner: whose default it is: "the kubelet".
            default: the one that holds for its version, where that makes a difference.
        """
        default = self.default if default is _UNSET else default
        if default is not _UNSET:
            status = Status.PASS if self.holds(default) else Status.FAIL
            return status, f"{name} is not set, and {owner}'s default is {show(default)}"
        words = {
            "pass": "is not set",
            "fail": "is not set",
            "unknown": f"is not set, and what {owner} then does is not known",
        }
        return Status(str(self.absent)), f"{name} {words[str(self.absent)]}"

    def holds(self, value: Any) -> bool:
        """Say whether a typed value meets the expectation."""
        if self.is_set is not _UNSET:
            return bool(value) is self.is_set
        if self.equals is not _UNSET:
            same_set = isinstance(self.equals, list) and isinstance(value, list)
            return sorted(value) == sorted(self.equals) if same_set else same(value, self.equals)
        if isinstance(self.one_of, list):
            return any(same(value, choice) for choice in self.one_of)
        if any(isinstance(said, list) for said in (self.subset_of, self.contains, self.excludes)):
            return isinstance(value, list) and self._has(set_of(value))
        low = self.at_least if isinstance(self.at_least, int) else value
        high = self.at_most if isinstance(self.at_most, int) else value
        return isinstance(value, int | float) and low <= value <= high

    def _has(self, values: frozenset[str]) -> bool:
        """Hold a set against the expectation; an empty one is nobody's choice, and so none of a subset."""
        if isinstance(self.subset_of, list):
            return bool(values) and values <= set_of(self.subset_of)
        if isinstance(self.contains, list):
            return values >= set_of(self.contains)
        return not (isinstance(self.excludes, list) and values & set_of(self.excludes))


class KubeletSetting(Expectation, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `with:` of a kubelet_setting."""

    key: str | None = None
    """Dotted key of the KubeletConfiguration; none for what only a flag can say."""
    flag: str | None = None
    """The command-line twin, without dashes; it overrides the key."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.key is None and self.flag is None:
            raise ValueError("give a key, a flag, or both")

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
    def like(self) -> Any:
        """A value of the type that the expectation is about."""
        return "" if self.target is None else self.target

    def of_flag(self, text: str) -> str | None:
        """Return what the text of the flag says of this setting; None where it speaks of other gates only."""
        return text if self.gate is None else gates(text).get(self.gate)


def gates(text: str) -> dict[str, str]:
    """Return what the text of --feature-gates says of each gate; `kube:` before a name is its component."""
    parts = [part.strip().split("=", 1) for part in text.split(",") if "=" in part]
    return {name.rpartition(":")[2]: value for name, value in parts}


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
    """Return a value as the YAML of a configuration would show it."""
    if isinstance(value, list):
        return ",".join(map(show, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
