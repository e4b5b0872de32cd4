# SPDX-License-Identifier: Apache-2.0
"""One setting of the kubelet: what its files declare, and what the live process was given."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils import kubelet_options as options
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.kubelet_example import example_facts
from cksharden.model import Item, Judgement, Status, worst

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


class KubeletSettingKind:
    """Judges and remedies kubelet settings."""

    name = "kubelet_setting"
    role = "kubelet"
    spec = KubeletSetting

    def requests(self, _spec: KubeletSetting) -> list[dict[str, Any]]:
        """Return nothing: the kubelet section always travels whole."""
        return []

    def judge(self, spec: KubeletSetting, facts: NodeFacts) -> Judgement:
        """Judge both facets; the status is the worse of the two."""
        section = facts.section("kubelet")
        items = tuple(_facet(name, spec, section) for name in ("declared", "running"))
        status = worst([item.status for item in items])
        item = next(item for item in items if item.status is status)
        other = next((one for one in items if one.status is not status), None)
        reason = item.reason
        if other is not None:
            reason = f"{item.what}: {item.reason} ({other.what}: {other.reason})"
        return Judgement(status, reason, item.observed, spec.expected, item.source, items)

    def remedy(self, spec: KubeletSetting, facts: NodeFacts) -> list[dict[str, Any]]:
        """Word the intent; what holds in the files and only waits for a restart is left to people."""
        if _facet("declared", spec, facts.section("kubelet")).status is Status.PASS:
            raise CannotRemedy("its files hold already, the running kubelet does not: restart the kubelet")
        return [{"key": spec.key, "value": spec.target, "flag": spec.flag}]

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """See plugin_utils.kubelet_changes."""
        return kubelet_changes(facts.section("kubelet"), items)

    def example(self, _spec: KubeletSetting, snippet: dict[str, Any]) -> NodeFacts:
        """See kubelet_example.example_facts."""
        return example_facts(snippet)


def _facet(name: str, spec: KubeletSetting, section: dict[str, Any]) -> Item:
    try:
        setting = _running(spec, section) if name == "running" else _declared(spec, section)
    except (options.OptionsError, Unknown) as error:
        return Item(name, Status.UNKNOWN, reason=str(error))
    if setting is None:
        words = {
            "pass": "is not set, and the kubelet's default holds",
            "fail": "is not set, and the default fails",
        }
        reason = (
            f"{spec.key} {words.get(spec.absent, 'is not set, and what the kubelet then does is not known')}"
        )
        return Item(name, Status(spec.absent), reason=reason)
    try:
        value = typed(setting.value, spec.target)
    except ValueError as error:
        return Item(
            name, Status.UNKNOWN, setting.value, setting.path, f"{spec.key} in {setting.path}: {error}"
        )
    status = Status.PASS if spec.holds(value) else Status.FAIL
    verb = "is" if status is Status.PASS else "is not as expected:"
    return Item(name, status, value, setting.path, f"{spec.key} {verb} {show(value)} in {setting.path}")


def _declared(spec: KubeletSetting, section: dict[str, Any]) -> options.Setting | None:
    return _value(spec, section, options.declared(section))


def _running(spec: KubeletSetting, section: dict[str, Any]) -> options.Setting | None:
    line = options.running(section)
    if line is None:
        raise Unknown("the kubelet does not run")
    if not (spec.flag and line.last(spec.flag)):
        stale = options.stale_files(section)
        if stale:
            raise Unknown(f"{', '.join(stale)} changed after the kubelet started: restart it to use them")
    return _value(spec, section, line)


def _value(
    spec: KubeletSetting, section: dict[str, Any], line: options.CommandLine
) -> options.Setting | None:
    flag = line.last(spec.flag) if spec.flag else None
    if flag is not None:
        return options.Setting(flag.value, f"{flag.path} (--{flag.name})")
    settings = options.configuration(section, line)
    setting = settings.get(spec.key)
    if setting is None:
        inside = {
            key.removeprefix(f"{spec.key}."): one
            for key, one in settings.items()
            if key.startswith(f"{spec.key}.")
        }
        if inside:
            raise Unknown(f"{spec.key} is a mapping in {next(iter(inside.values())).path}")
        return None
    # kubeadm writes "0s" for every duration that is not set, and the kubelet then uses its default.
    return None if setting.value == "0s" else setting


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
