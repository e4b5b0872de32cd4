# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out a kubelet's command line from the kubelet section of a node's facts.

It is what systemd makes of the unit, its drop-ins and its environment files (systemd.exec(5): an
EnvironmentFile overrides Environment=, a later file an earlier one).
"""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.environment_file import EnvironmentFile

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<bare>\w+))")


class OptionsError(ValueError):
    """The files can't be read with certainty; the text says which, and why."""


@dataclass(frozen=True)
class Flag:
    """One option of a command line; `path` is the file that brings it, with `variable` where it is in one."""

    name: str
    value: str
    path: str
    variable: str | None = None
    words: tuple[str, ...] = field(default=(), compare=False)
    """The one or two words of the command line that it is written in."""

    def __str__(self) -> str:
        return f"--{self.name}={self.value}"


@dataclass(frozen=True)
class CommandLine:
    """A kubelet's flags in order, and the variables that its ExecStart expands."""

    flags: tuple[Flag, ...]
    expands: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Variable -> the file that sets it."""
    environment_files: tuple[str, ...] = ()

    def last(self, name: str) -> Flag | None:
        """Return the flag that counts: the kubelet takes the last of several."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)


def text_of(section: dict[str, Any], path: str) -> str | None:
    """Return the text of a file of the section, None where it does not exist.

    Raises:
        OptionsError: it could not be read, or not whole, or is not UTF-8.
    """
    entry = section.get("files", {}).get(path)
    if entry is None:
        raise OptionsError(f"{path} was not collected")
    if entry.get("error"):
        raise OptionsError(f"{path}: {entry['error']}")
    if not entry.get("exists"):
        return None
    if entry.get("truncated"):
        raise OptionsError(f"{path} is larger than the collector reads")
    if entry.get("lossy"):
        raise OptionsError(f"{path} holds bytes that are not UTF-8")
    text = entry.get("text")
    if not isinstance(text, str):
        raise OptionsError(f"{path} is no regular file")
    return text


def declared(section: dict[str, Any]) -> CommandLine:
    """Return the command line that systemd would give the kubelet if it started now.

    Raises:
        OptionsError: a unit or environment file can't be read or understood.
    """
    unit = section["unit"]
    paths = [path for path in (unit.get("fragment_path"), *(unit.get("drop_in_paths") or ())) if path]
    if not paths:
        raise OptionsError("kubelet.service is not known to systemd on this node")
    start: tuple[str, str] | None = None
    environment: dict[str, tuple[str, str]] = {}
    files: list[str] = []
    for path in paths:
        for name, value in _service_lines(text_of(section, path) or ""):
            if name == "ExecStart":
                start = (value, path) if value else None
            elif name == "Environment" and not value:
                environment.clear()
            elif name == "Environment":
                environment |= {key: (text, path) for key, text in _assignments(value, path)}
            elif name == "EnvironmentFile":
                files = [*files, value.removeprefix("-")] if value else []
    if start is None:
        raise OptionsError(f"{paths[-1]}: the unit has no ExecStart")
    for path in files:
        environment |= {
            key: (text, path) for key, text in parse_environment(text_of(section, path) or "", path)
        }
    return _expand(*start, environment, tuple(files))


def running(section: dict[str, Any]) -> CommandLine | None:
    """Return the live process's command line, None where no kubelet runs."""
    process = section.get("process")
    if not process:
        return None
    return CommandLine(
        _flags([(word, f"/proc/{process['pid']}/cmdline", None) for word in process["argv"][1:]])
    )


def parse_environment(text: str, path: str) -> list[tuple[str, str]]:
    """Return the assignments of a systemd EnvironmentFile.

    Raises:
        OptionsError: a line is no assignment, its quotes do not close, or versions of systemd differ.
    """
    read = EnvironmentFile(text)
    for place, reason in read.doubts:
        line = text.count("\n", 0, place) + 1
        raise OptionsError(f"{path}, line {line}: {reason}")
    return [(one.name, one.value) for one in read.assignments]


@functools.lru_cache(maxsize=1024)
def _split(text: str) -> tuple[str, ...]:
    """Split as a shell does, once: every control asks for the same line, and nodes are alike."""
    return tuple(shlex.split(text))


def _service_lines(text: str) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of the [Service] section, continuation lines joined."""
    pairs, section = [], ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == "[Service]" and stripped and stripped[0] not in "#;" and "=" in stripped:
            name, _equals, value = stripped.partition("=")
            pairs.append((name.strip(), value.strip()))
    return pairs


def _assignments(value: str, path: str) -> list[tuple[str, str]]:
    try:
        words = _split(value)
    except ValueError as error:
        raise OptionsError(f"{path}: Environment={value}: {error}") from error
    return [(word.partition("=")[0], word.partition("=")[2]) for word in words if "=" in word]


def _expand(
    start: str, path: str, environment: dict[str, tuple[str, str]], files: tuple[str, ...]
) -> CommandLine:
    """Expand ExecStart as systemd.service(5) says: a bare $NAME is split into words, ${NAME} is not."""
    words: list[tuple[str, str, str | None]] = []
    expands: list[str] = []
    try:
        for word in _split(start.lstrip("@-:+!")):
            match = _VARIABLE.fullmatch(word)
            if match and match["bare"]:
                expands.append(match["bare"])
                value, source = environment.get(match["bare"], ("", path))
                words += [(part, source, match["bare"]) for part in _split(value)]
            else:
                words.append(
                    (_VARIABLE.sub(lambda m: environment.get(m[1] or m[2], ("", ""))[0], word), path, None)
                )
    except ValueError as error:
        raise OptionsError(f"{path}: {error}") from error
    sources = {name: source for name, (_value, source) in environment.items()}
    return CommandLine(_flags(words[1:]), tuple(expands), sources, files)


def _flags(words: list[tuple[str, str, str | None]]) -> tuple[Flag, ...]:
    """Return the flags of a command line.

    `--name` without a value is the boolean true (pflag), and the kubelet takes `_` for `-` in names.
    """
    flags: list[Flag] = []
    for index, (word, path, variable) in enumerate(words):
        if not _is_flag(word):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        written: tuple[str, ...] = (word,)
        if not equals:
            following = [after[0] for after in words[index + 1 : index + 2] if not _is_flag(after[0])]
            value = following[0] if following else "true"
            written = (word, *following)
        flags.append(Flag(name.replace("_", "-"), value, path, variable, written))
    return tuple(flags)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and bool(word.strip("-")) and not word[1:2].isdigit()
