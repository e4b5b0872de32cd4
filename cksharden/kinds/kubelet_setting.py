# SPDX-License-Identifier: Apache-2.0
"""One setting of the kubelet: what its files declare, what it runs with, and what an upgrade will leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils import kubelet_command_line as command_line
from ansible_collections.cksharden.node.plugins.plugin_utils import kubelet_options as options
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.expectation import KubeletSetting, show, typed
from cksharden.kinds.facets import judgement
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.kubelet_example import example_facts
from cksharden.kinds.kubelet_upgrade import after_upgrade, cluster_of
from cksharden.model import Item, Judgement, Status

# Other defaults hold for a kubelet that reads no configuration file (kubernetes, cmd/kubelet/app/options).
WITHOUT_CONFIG = {
    "authentication.anonymous.enabled": True,
    "authentication.webhook.enabled": False,
    "authorization.mode": "AlwaysAllow",
    "readOnlyPort": 10255,
}


class KubeletSettingKind:
    """Judges and remedies kubelet settings."""

    name = "kubelet_setting"
    role = "kubelet"
    spec = KubeletSetting

    def requests(self, _spec: KubeletSetting) -> list[dict[str, Any]]:
        """Return nothing: the kubelet section always travels whole."""
        return []

    def minor(self, _spec: KubeletSetting, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the kubelet's version."""
        return facts.minor

    def judge(self, spec: KubeletSetting, facts: NodeFacts) -> Judgement:
        """Judge the three facets; the status is the worst of them."""
        items = tuple(_facet(name, spec, facts) for name in ("declared", "running", "persisted"))
        return judgement(items, spec.expected)

    def check_parameters(self, spec: KubeletSetting, parameters: Mapping[str, Any]) -> None:
        """Refuse what would ask another thing, or judge an unset option by an expectation that is gone."""
        for key in ("key", "flag", "default"):
            if key in parameters:
                raise ValueError(f"{key}: it says what the control is about, and is not changed")
        if spec.absent == "pass" and "absent" not in parameters and parameters.keys() - {"set"}:
            raise ValueError("say absent too: an unset option passes by the control's own expectation")

    def remedy(self, spec: KubeletSetting, facts: NodeFacts) -> list[dict[str, Any]]:
        """Word the intent; what holds in the files and only waits for a restart is left to people."""
        if spec.target is None or spec.gate is not None:
            raise CannotRemedy(f"the value of {spec.name} is not cksharden's to choose")
        declared, persisted = (_facet(name, spec, facts).status for name in ("declared", "persisted"))
        if declared is Status.PASS and persisted is not Status.FAIL:
            raise CannotRemedy("its files hold already, the running kubelet does not: restart the kubelet")
        return [{"key": spec.key, "value": spec.target, "flag": spec.flag}]

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """See plugin_utils.kubelet_changes."""
        return kubelet_changes(facts.section("kubelet"), items)

    def example(self, _spec: KubeletSetting, snippet: dict[str, Any]) -> NodeFacts:
        """See kubelet_example.example_facts."""
        return example_facts(snippet)


def _facet(name: str, spec: KubeletSetting, facts: NodeFacts) -> Item:
    try:
        setting = _FACETS[name](spec, facts)
    except (command_line.OptionsError, Unknown) as error:
        return Item(name, Status.UNKNOWN, reason=str(error))
    if setting is None:
        status, reason = spec.unset(spec.name, "the kubelet")
        return Item(name, status, reason=reason)
    try:
        value = typed(setting.value, spec.like)
    except ValueError as error:
        return Item(
            name, Status.UNKNOWN, setting.value, setting.path, f"{spec.name} in {setting.path}: {error}"
        )
    status = Status.PASS if spec.holds(value) else Status.FAIL
    verb = "is" if status is Status.PASS else "is not as expected:"
    return Item(name, status, value, setting.path, f"{spec.name} {verb} {show(value)} in {setting.path}")


def _declared(spec: KubeletSetting, facts: NodeFacts) -> options.Setting | None:
    line = facts.once(_line)
    return _value(spec, line, lambda _key: options.configuration(facts.section("kubelet"), line))


def _running(spec: KubeletSetting, facts: NodeFacts) -> options.Setting | None:
    """Return what the kubelet itself says, else what its process was given and read when it started."""
    section = facts.section("kubelet")
    line = command_line.running(section)
    if line is None:
        raise Unknown("the kubelet does not run")
    said = _configz(facts)
    if said is not None and spec.key is not None:
        return _said(spec, *said)

    def read(_key: str) -> dict[str, options.Setting]:
        stale = options.stale_files(section)
        if stale:
            raise Unknown(f"{', '.join(stale)} changed after the kubelet started: restart it to use them")
        return options.configuration(section, line)

    return _value(spec, line, read)


def _configz(facts: NodeFacts) -> tuple[str, Mapping[str, Any]] | None:
    """Return what a kubelet told a control plane that it runs with, and where that is from."""
    try:
        cluster, name = cluster_of(facts)
    except Unknown:
        return None
    config = cluster.configz.get(name)
    return None if config is None else (f"configz of {name}", config)


def _said(spec: KubeletSetting, source: str, config: Mapping[str, Any]) -> options.Setting | None:
    value: Any = config
    for part in str(spec.key).split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is not None and not (isinstance(value, Mapping) and value):
        return options.Setting(value, source)
    if isinstance(spec.like, int) and spec.gate is None:
        # A kubelet fills in its defaults and leaves out of its answer what is then false or 0.
        return options.Setting(type(spec.like)(0), source)
    return None


def _persisted(spec: KubeletSetting, facts: NodeFacts) -> options.Setting | None:
    line = facts.once(_line)
    return _value(spec, line, lambda key: after_upgrade(facts, line, key))


def _line(facts: NodeFacts) -> command_line.CommandLine:
    return command_line.declared(facts.section("kubelet"))


_FACETS: dict[str, Callable[[KubeletSetting, NodeFacts], options.Setting | None]] = {
    "declared": _declared,
    "running": _running,
    "persisted": _persisted,
}


def _value(
    spec: KubeletSetting,
    line: command_line.CommandLine,
    read: Callable[[str], dict[str, options.Setting]],
) -> options.Setting | None:
    """Return what a flag says, else what the configuration does, which is read only then."""
    for flag in reversed(line.flags):
        said = spec.of_flag(flag.value) if flag.name == spec.flag else None
        if said is not None:
            return options.Setting(said, f"{flag.path} (--{flag.name})")
    if spec.key is None:
        return None
    settings = read(spec.key)
    setting = settings.get(spec.key)
    if setting is None:
        inside = [key for key in settings if key.startswith(f"{spec.key}.")]
        if inside:
            raise Unknown(f"{spec.key} is a mapping in {settings[inside[0]].path}")
        if line.last("config") is None and spec.key in WITHOUT_CONFIG:
            return options.Setting(WITHOUT_CONFIG[spec.key], "no file: a kubelet without --config")
        return None
    # kubeadm writes "0s" for every duration that is not set, and the kubelet then uses its default.
    return None if setting.value == "0s" else setting


def named_file(names: list[str], facts: NodeFacts) -> str | None:
    """Return the file that the first of these options names which is set, None where none is.

    Raises:
        Unknown: what the kubelet is told can't be read.
    """
    if not names:
        return None
    try:
        line = facts.once(_line)
        settings = options.configuration(facts.section("kubelet"), line)
    except command_line.OptionsError as error:
        raise Unknown(str(error)) from error
    for name in names:
        one = line.last(name[2:]) if name.startswith("--") else settings.get(name)
        if one is not None and one.value:
            return str(one.value)
    return None
