# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out what a kubelet is told, and by which file, from the kubelet section of a node's facts.

The precedence is the kubelet's own: flags on its command line, then the drop-ins of `--config-dir`
in walk order, then the `--config` file. instance-config.yaml is read by kubeadm only, when it writes
config.yaml.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import (
    CommandLine,
    OptionsError,
    running,
    text_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import YamlError, load

DEFAULT_CONFIG = "/var/lib/kubelet/config.yaml"

Document = tuple[str, str]
"""Where a KubeletConfiguration, or a part of one, is from; and its text."""


@dataclass(frozen=True)
class Setting:
    """The value of one key of the KubeletConfiguration, and the file that sets it."""

    value: Any
    path: str


def configuration(section: dict[str, Any], line: CommandLine) -> dict[str, Setting]:
    """Return the settings of the configuration file and the drop-ins, by dotted key.

    Raises:
        OptionsError: a file is missing, unreadable or no KubeletConfiguration.
    """
    config = line.last("config")
    paths = [*([config.value] if config else []), *drop_ins(section, line)]
    return merged(tuple(read_document(section, path) for path in paths))


@functools.lru_cache(maxsize=256)
def merged(documents: tuple[Document, ...]) -> dict[str, Setting]:
    """Return the settings of configurations of which a later one overrides; nobody changes the answer.

    Maps are merged and lists replaced, as the kubelet does (KEP 3983). Every control asks for the same.

    Raises:
        OptionsError: one of them is no KubeletConfiguration.
    """
    settings: dict[str, Setting] = {}
    for number, (path, text) in enumerate(documents):
        for key, value in flatten(parse_configuration(text, path)).items():
            if number and key not in settings:  # else there is nothing that it could hide
                for hidden in [old for old in settings if _hides(key, old)]:
                    del settings[hidden]
            settings[key] = Setting(value, path)
    return settings


def read_document(section: dict[str, Any], path: str) -> Document:
    """Return a configuration file of the section.

    Raises:
        OptionsError: it is missing or unreadable.
    """
    text = text_of(section, path)
    if text is None:
        raise OptionsError(f"{path} does not exist, and the kubelet is told to read it")
    return path, text


def drop_ins(section: dict[str, Any], line: CommandLine) -> list[str]:
    """Return the drop-ins that the kubelet reads with this command line, in its order.

    Raises:
        OptionsError: the line names another directory than the one that was collected.
    """
    flag = line.last("config-dir")
    if flag is None:
        return []
    live = running(section)
    used = live.last("config-dir") if live else flag
    if used is None or used.value != flag.value:
        raise OptionsError(
            f"{flag.path} names --config-dir={flag.value}, which the running kubelet does not use"
        )
    return list(section.get("config_dir_files") or ())


@functools.lru_cache(maxsize=256)
def parse_configuration(text: str, path: str) -> dict[str, Any]:
    """Return a KubeletConfiguration document as data, which nobody changes: every control asks for the same.

    Raises:
        OptionsError: it is no YAML, or no mapping.
    """
    try:
        data = load(text).data
    except YamlError as error:
        place = f", line {error.line}" if error.line else ""
        raise OptionsError(f"{path}{place}: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise OptionsError(f"{path} is not a mapping, so no KubeletConfiguration")
    return data


def flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {"a.b": 1} for {"a": {"b": 1}}; lists and empty maps are values."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        elif value is not None:
            flat[f"{prefix}{key}"] = value
    return flat


def stale_files(section: dict[str, Any]) -> list[str]:
    """Return the configuration files that are newer than the process which read them.

    Two seconds of grace: a process's start time is known to the second only (/proc/stat btime).
    """
    process = section.get("process")
    line = running(section)
    if not process or line is None:
        return []
    config = line.last("config")
    paths = [*([config.value] if config else []), *(section.get("config_dir_files") or ())]
    files = section.get("files", {})
    return [path for path in paths if (files.get(path, {}).get("mtime") or 0) > process["started"] + 2]


def _hides(key: str, old: str) -> bool:
    """Say whether a value at `key` replaces one at `old`: a list or scalar over a map, or back."""
    return old != key and (old.startswith(f"{key}.") or key.startswith(f"{old}."))
