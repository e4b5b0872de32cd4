# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the options and mounts of a static pod in the text of its manifest, and no other byte.

The plan uses it to predict a manifest, the node to write it. Every edit is read again before it is
given back: what does not then say what was asked raises EditError.
"""

from __future__ import annotations

import json
import re
from posixpath import normpath
from typing import Any, NamedTuple

from .block_yaml import Mapping, Scalar, Sequence, Value, read
from .flags import EditError
from .manifest_pod import container_of, lines_of, spec_of, words_of

Item = dict[str, Any]
"""{"option": name without dashes, "value": text, a list of texts (the option as often), or None: away}
or/and {"mounts": [{"name", "path", "read_only", "type"}]}: a directory of the node at its own path."""

_OPTION = re.compile(r"[a-z][A-Za-z0-9.-]*")
_TEXT = re.compile(r"[ -~]*")
_PLAIN = re.compile(r"--[A-Za-z0-9][!-9;-~]*(?::[!-9;-~]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._/-]*[A-Za-z0-9._-]")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TYPES = ("Directory", "DirectoryOrCreate")


class Option(NamedTuple):
    """One occurrence of an option."""

    value: str
    words: list[Scalar]
    """The one or two that it is written with."""


def edit_manifest(data: bytes | None, component: str, items: list[Item]) -> bytes:
    """Return a manifest in which every item holds; data itself where all did. Raises EditError."""
    if data is None:
        raise EditError("there is no manifest")
    lines = lines_of(data)
    for item in items:
        if "option" in item:
            lines = _with_option(lines, component, item["option"], _values(item["value"]))
        for mount in item.get("mounts") or ():
            lines = _with_mount(lines, component, mount)
    return "\n".join(lines).encode("utf-8")


def options_of(container: Mapping, name: str) -> list[Option]:
    """Return every occurrence of an option. Raises EditError where one can't be told from its neighbours."""
    words = words_of(container)[1:]
    found: list[Option] = []
    for index, word in enumerate(words):
        text = word.text or ""
        written, equals, value = text.partition("=")
        dashes = len(written) - len(written.lstrip("-"))
        if text == "--" or (dashes == 1 and written[1:].replace("_", "-") == name):
            raise EditError(f"{text} among the words of its command is not understood")
        if dashes != 2 or written[2:].replace("_", "-") != name:
            continue
        following = words[index + 1] if index + 1 < len(words) else None
        if equals:
            found.append(Option(value, [word]))
        elif following is None or (following.text or "").startswith("--"):
            found.append(Option("true", [word]))
        elif (following.text or "-").startswith("-"):
            raise EditError(f"{text} may or may not take the word behind it")
        else:
            found.append(Option(following.text or "", [word, following]))
    return found


def _values(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _values(each)]
    if value is None:
        return []
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise EditError(f"{value!r} is no value of an option")
    return [value]


def _with_option(lines: list[str], component: str, name: str, values: list[str]) -> list[str]:
    if not _OPTION.fullmatch(name):
        raise EditError(f"{name!r} is no name of an option")
    container = container_of(read(lines), component)
    found = options_of(container, name)
    if [each.value for each in found] == values:
        return lines
    words = [f"--{name}={value}" for value in values]
    place, column = _end_of_words(container)
    edited: dict[int, list[str]] = {}
    for each, word in zip(found, words):
        scalar = each.words[0]
        line = lines[scalar.line]
        edited[scalar.line] = [line[: scalar.begin] + _written(word) + line[scalar.end :]]
        edited.update({gone.line: [] for gone in each.words[1:]})
        place, column = scalar.line, _dash(line)
    for each in found[len(words) :]:
        edited.update({gone.line: [] for gone in each.words})
    new = [" " * column + "- " + _written(word) for word in words[len(found) :]]
    edited[place] = edited.get(place, [lines[place]]) + new
    result = _replaced(lines, edited)
    after = container_of(read(result), component)
    others = [word.text for word in words_of(container) if all(word not in each.words for each in found)]
    kept = [word.text for word in words_of(after) if word.text not in words]
    if [each.value for each in options_of(after, name)] != values or kept != [
        word for word in others if word not in words
    ]:
        raise EditError(f"--{name} can't be changed here with certainty")
    return result


def _end_of_words(container: Mapping) -> tuple[int, int]:
    """Return the line of the last word, and the column of its dash."""
    args, command = container.entries.get("args"), container.entries.get("command")
    target = args if isinstance(args, Sequence) else command
    if not isinstance(target, Sequence):
        raise EditError("it has no command")
    return target.last, target.column


def _dash(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _written(word: str) -> str:
    """Return a word as it is written in YAML: as it is, where that means the same."""
    return word if _PLAIN.fullmatch(word) else json.dumps(word)


def _replaced(lines: list[str], edited: dict[int, list[str]]) -> list[str]:
    return [new for number, line in enumerate(lines) for new in edited.get(number, [line])]


# ---------------------------------------------------------------------- mounts


def _with_mount(lines: list[str], component: str, mount: dict[str, Any]) -> list[str]:
    """Mount a directory of the node at its own path; nothing where that is so already."""
    name, path = mount["name"], mount["path"]
    if not _NAME.fullmatch(name) or not _PATH.fullmatch(path) or normpath(path) != path:
        raise EditError(f"{name} at {path} is no mount")
    if _is_mounted(read(lines), component, mount):
        return lines
    if mount["type"] not in _TYPES:
        raise EditError(f"{mount['type']} is no type of a mount; it is one of {', '.join(_TYPES)}")
    volume = [f"- hostPath:\n    path: {path}\n    type: {mount['type']}", f"  name: {name}"]
    lines = _appended(lines, spec_of(read(lines)), "volumes", "\n".join(volume).split("\n"))
    entry = [f"- mountPath: {path}", f"  name: {name}"] + (["  readOnly: true"] if mount["read_only"] else [])
    lines = _appended(lines, container_of(read(lines), component), "volumeMounts", entry)
    if not _is_mounted(read(lines), component, mount):
        raise EditError(f"{path} can't be mounted here with certainty")
    return lines


def _is_mounted(pod: Mapping, component: str, mount: dict[str, Any]) -> bool:
    """Tell whether the mount is there. Raises EditError where its name or place is another's."""
    name, path = mount["name"], mount["path"]
    volumes = _plain(spec_of(pod).entries.get("volumes"))
    mounts = _plain(container_of(pod, component).entries.get("volumeMounts"))
    there = next((each for each in mounts if str(each.get("mountPath")).rstrip("/") == path), None)
    if there is None:
        if any(each.get("name") == name for each in volumes):
            raise EditError(f"it has a volume {name} of its own")
        return False
    volume = next((each for each in volumes if each.get("name") == there.get("name")), {})
    source = volume.get("hostPath")
    same = isinstance(source, dict) and str(source.get("path")).rstrip("/") == path
    if not same or set(there) - {"mountPath", "name", "readOnly"}:
        raise EditError(f"something else is mounted at {path}")
    if there.get("readOnly") == "true" and not mount["read_only"]:
        raise EditError(f"{path} is mounted for reading only")
    return True


def _plain(value: Value | None) -> list[dict[str, Any]]:
    """Return a list of mappings as data, every scalar as its text."""
    if value is None or (isinstance(value, Scalar) and value.empty):
        return []
    found = _data(value)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise EditError("its volumes are not a list of lines")
    return found


def _data(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {key: _data(each) for key, each in value.entries.items()}
    if isinstance(value, Sequence):
        return [_data(each) for each in value.items]
    return value.text


def _appended(lines: list[str], parent: Mapping, key: str, entry: list[str]) -> list[str]:
    """Return the lines with one more item at the end of a list, which is made where it is not there."""
    value = parent.entries.get(key)
    if isinstance(value, Sequence):
        new = [" " * value.column + line for line in entry]
        return _replaced(lines, {value.last: [lines[value.last], *new]})
    new = [" " * parent.column + line for line in entry]
    if value is None:
        new.insert(0, " " * parent.column + f"{key}:")
        return _replaced(lines, {parent.last: [lines[parent.last], *new]})
    return _replaced(lines, {value.last: [lines[value.last], *new]})
