# SPDX-License-Identifier: Apache-2.0
"""One setting of the kubelet: what its files declare, and what the live process was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils import kubelet_options as options
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.expectation import KubeletSetting, show, typed
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.kubelet_example import example_facts
from cksharden.model import Item, Judgement, Status, worst


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

    def check_parameters(self, spec: KubeletSetting, parameters: Mapping[str, Any]) -> None:
        """Refuse what would ask another thing, or judge an unset option by an expectation that is gone."""
        for key in ("key", "flag"):
            if key in parameters:
                raise ValueError(f"{key}: it says which setting the control is about, and is not changed")
        if spec.absent == "pass" and "absent" not in parameters and parameters.keys() - {"set"}:
            raise ValueError("say absent too: an unset option passes by the control's own expectation")

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
