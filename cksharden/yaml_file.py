# SPDX-License-Identifier: Apache-2.0
"""A YAML file that people write, read so that what is wrong with it is told with its line and key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import Document, YamlError, load

if TYPE_CHECKING:
    from pathlib import Path

    from cksharden.errors import CkshardenError

T = TypeVar("T")
Key = tuple[str | int, ...]


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
            raise self.wrong(invalid, prefix) from invalid

    def wrong(self, invalid: msgspec.ValidationError, prefix: Key) -> CkshardenError:
        """Return the error that says what msgspec found below `prefix`."""
        message, _, place = str(invalid).partition(" - at `$")
        field = re.search(r"field `([^`]+)`", message)
        parts = [*re.findall(r"[^.`\[\]]+", place), *([field[1]] if field else [])]
        return self.problem(message, (*prefix, *(int(part) if part.isdigit() else part for part in parts)))

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
