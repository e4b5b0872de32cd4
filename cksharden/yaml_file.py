# SPDX-License-Identifier: Apache-2.0
"""A YAML file that people write, read so that what is wrong with it is told with its line and key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import Document, YamlError, load
from cksharden.errors import near

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cksharden.errors import CkshardenError

_CONTAINERS = (inspect.StructType, inspect.DictType, inspect.ListType, inspect.VarTupleType)

T = TypeVar("T")
Key = tuple[str | int, ...]

_ANY = "..."
"""How msgspec names one of the keys of a mapping."""
_PLACE = re.compile(r"(.*) - at `(key` in `)?\$(.*)`", re.DOTALL)
_PART = re.compile(r"\.\.\.|[^.`\[\]]+")
_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`")
_TYPES = re.compile(r"Expected `(.*?)`(?:, got `(.*)`)?")
_NO_CHOICE = "Invalid enum value "
_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_UNQUOTED = (None, "int", "float", "bool")
"""What YAML makes of a text that looks like something else; of a key msgspec may not say it."""


@dataclass(frozen=True)
class YamlFile:
    """One file: its content, and how to complain about it."""

    path: Path
    document: Document
    error: type[CkshardenError]
    guide: str
    """The page that says what belongs into such a file."""

    @classmethod
    def read(cls, path: Path, error: type[CkshardenError], guide: str) -> YamlFile:
        """Return a file that holds a mapping.

        Raises:
            CkshardenError: of the type `error`: it can't be read, is no YAML, or holds something else.
        """
        try:
            document = load(path.read_text(encoding="utf-8"))
        except (YamlError, UnicodeDecodeError, OSError) as problem:
            line = getattr(problem, "line", 0)
            raise error(
                str(problem), file=path, key=f"line {line}" if line else None, mend="correct the YAML"
            ) from problem
        if not isinstance(document.data, dict):
            raise error("the file is no mapping of keys", file=path, mend=f"see {guide}")
        return cls(path, document, error, guide)

    def convert(self, kind: type[T], data: Any, prefix: Key = ()) -> T:
        """Return `data`, which stands at the key `prefix` of this file, as a checked `kind`.

        Raises:
            CkshardenError: it is not of that shape.
        """
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as invalid:
            raise self.wrong(invalid, kind, prefix) from invalid

    def wrong(self, invalid: msgspec.ValidationError, kind: type[Any], prefix: Key) -> CkshardenError:
        """Return the error that says, in plain words, what msgspec found in a `kind` below `prefix`."""
        message, of_key, path = _split(str(invalid))
        parts = [int(part) if part.isdigit() else part for part in _PART.findall(path)]
        key = (*prefix, *takewhile(lambda part: part != _ANY, parts))
        field = _FIELD.fullmatch(message)
        if field:
            return self._wrong_field(field[1], field[2], _inside(kind, parts), (*key, field[2]))
        names = [part for part in (*prefix, *parts) if isinstance(part, str) and part != _ANY]
        what = f"`{names[-1]}`" if names else "it"
        if of_key:
            what = "every key"
        elif parts and (parts[-1] == _ANY or isinstance(parts[-1], int)):
            what = f"each of {what}"
        types = _TYPES.fullmatch(message)
        if types:
            wanted = [word for word in re.split(r"[ |]+", types[1]) if word != "null"]
            given = f", not {_WORDS.get(types[2], types[2])}" if types[2] else ""
            mend = "write it in quotes" if wanted == ["str"] and types[2] in _UNQUOTED else None
            words = " or ".join(_WORDS.get(word, word) for word in wanted)
            return self.problem(f"{what} must be {words}{given}", key, mend)
        value, choices = message.removeprefix(_NO_CHOICE), _choices(_inside(kind, parts))
        if value != message and choices:
            message = f"{what} must be one of {', '.join(choices)}, not {value}"
        return self.problem(message, key)

    def _wrong_field(self, fault: str, name: str, struct: inspect.Type, key: Key) -> CkshardenError:
        if fault == "missing required":
            return self.problem(f"the key `{name}` is missing", key)
        known = [one.encode_name for one in getattr(struct, "fields", ())]
        return self.problem(f"there is no key `{name}`", key, near(name, known))

    def problem(self, message: str, key: Key, mend: str | None = None) -> CkshardenError:
        """Return the error that says what is wrong at `key`."""
        return self.error(
            message,
            file=self.place(key),
            key=".".join(map(str, key)) or None,
            mend=mend or f"see {self.guide}",
        )

    def place(self, key: Key) -> str:
        """Return `file:line` of a key, or of the nearest above it that is there."""
        return f"{self.path}:{self.document.line(key)}"


def _split(told: str) -> tuple[str, bool, str]:
    """Return msgspec's message, whether it is about a key, and the path."""
    found = _PLACE.fullmatch(told)
    return (found[1], bool(found[2]), found[3]) if found else (told, False, "")


def _inside(kind: type[Any], parts: Sequence[str | int]) -> inspect.Type:
    """Return the type of what stands at msgspec's path below a type; any, below what may be anything."""
    found: inspect.Type = inspect.type_info(kind)
    for part in parts:
        kinds = found.types if isinstance(found, inspect.UnionType) else (found,)
        outer = next((one for one in kinds if isinstance(one, _CONTAINERS)), None)
        if outer is None:
            return inspect.AnyType()
        if isinstance(outer, inspect.StructType):
            found = next(one.type for one in outer.fields if one.encode_name == part)
        else:
            found = outer.value_type if isinstance(outer, inspect.DictType) else outer.item_type
    return found


def _choices(kind: inspect.Type) -> list[str]:
    """Return the values of a closed set; none of what is no such set."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for one in kinds:
        if isinstance(one, inspect.LiteralType):
            return [str(value) for value in one.values]
        if isinstance(one, inspect.EnumType):
            return [str(value.value) for value in one.cls]
    return []
