# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the block YAML of a manifest with the place of every value, for edits that leave the rest alone.

A node has no YAML parser, and none keeps the text. This reads what kubeadm and people write into
static pods: mappings, lists and scalars on lines of their own, with comments. What would need more
than that to be read with certainty (anchors, tags, continued lines, tabs) raises EditError.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple, Union

from .flags import EditError

_DEEPEST = 40
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML takes for a break or refuses, and the tab, whose width nobody knows."""
_KEY = re.compile(r"""("[^"\\]*"|'[^']*'|[A-Za-z0-9_./-]+) *:(?: +|$)""")
_UNICODE = re.compile(r"(?<!\\)(?:\\\\)*\\u")
_DOUBLE = re.compile(r'("(?:[^"\\]|\\.)*")(?: *| +#.*)')
_SINGLE = re.compile(r"'((?:[^']|'')*)'(?: *| +#.*)")
_BLOCK = re.compile(r"[|>][0-9+-]*(?: *| +#.*)")
_FLOW = re.compile(r"""(\{[^{}\[\]"'#&*!|>]*\}|\[[^{}\[\]"'#&*!|>]*\])(?: *| +#.*)""")
_NO_PLAIN = re.compile(r"[&*!%@`#,\]}{\[|>\"']|[-?:](?: |$)")


class Scalar(NamedTuple):
    """A value that is neither a mapping nor a list of lines."""

    line: int
    begin: int
    end: int
    """Its columns on the line, quotes included; both the same where nothing stands there."""
    text: str | None
    """None where there is nothing, or what is not read: text over lines, a list in brackets."""
    last: int
    """The last line that belongs to it."""

    @property
    def empty(self) -> bool:
        """Tell whether no value stands there."""
        return self.begin == self.end


class Mapping(NamedTuple):
    """Keys on lines of their own."""

    column: int
    last: int
    entries: dict[str, Value]


class Sequence(NamedTuple):
    """Values behind dashes on lines of their own."""

    column: int
    last: int
    items: list[Value]


Value = Union[Scalar, Mapping, Sequence]


class _Line(NamedTuple):
    number: int
    column: int
    content: str


def read(lines: list[str]) -> Mapping:
    """Return the one document of a text, cut at its line ends. Raises EditError."""
    for number, line in enumerate(lines):
        found = _FORBIDDEN.search(line)
        if found:
            raise EditError(f"line {number + 1} holds a tab or a character that is no text")
    return _Reader(lines).document()


class _Reader:
    """A reader of one text; _at is the next line that holds more than a comment."""

    def __init__(self, lines: list[str]) -> None:
        self._raw = lines
        self._lines = [
            _Line(number, len(line) - len(line.lstrip(" ")), line.strip(" "))
            for number, line in enumerate(lines)
            if line.strip(" ") and not line.lstrip(" ").startswith("#")
        ]
        self._at = 0

    def document(self) -> Mapping:
        if self._lines and re.fullmatch(r"---(?: +#.*)?", self._lines[0].content):
            self._at = 1
        line = self._next()
        if line is None or not _KEY.match(line.content):
            raise EditError("it is not YAML on lines of their own")
        found = self._mapping(line.column, 0)
        if self._next() is not None:
            raise self._error("is not understood")
        return found

    def _next(self) -> _Line | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _error(self, told: str) -> EditError:
        line = self._lines[min(self._at, len(self._lines) - 1)]
        return EditError(f"line {line.number + 1} {told}")

    def _block(self, column: int, depth: int) -> Value:
        """Read what begins on the next line, in this column."""
        line = self._lines[self._at]
        if depth > _DEEPEST:
            raise self._error("is nested too deeply")
        if _is_item(line.content):
            return self._sequence(column, depth)
        if _KEY.match(line.content):
            return self._mapping(column, depth)
        raise self._error("is not understood")

    def _mapping(self, column: int, depth: int) -> Mapping:
        entries: dict[str, Value] = {}
        last = 0
        while True:
            line = self._next()
            if line is None or line.column < column:
                break
            match = _KEY.match(line.content)
            if line.column > column or match is None or _is_item(line.content):
                raise self._error("is not understood")
            key = match.group(1).strip("\"'")
            if key in entries:
                raise self._error(f"has the key {key} a second time")
            entries[key] = self._value(line, column, column + match.end(), depth)
            last = entries[key].last
        return Mapping(column, last, entries)

    def _sequence(self, column: int, depth: int) -> Sequence:
        items: list[Value] = []
        last = 0
        while True:
            line = self._next()
            if line is None or line.column < column or (line.column == column and not _is_item(line.content)):
                break
            if line.column > column:
                raise self._error("is not understood")
            rest = line.content[1:].lstrip(" ")
            begin = column + len(line.content) - len(rest)
            if _is_item(rest) or _KEY.match(rest):
                # What stands behind the dash begins a block of its own, in that column.
                self._lines[self._at] = _Line(line.number, begin, rest)
                items.append(self._block(begin, depth + 1))
            else:
                items.append(self._value(line, column, begin, depth))
            last = items[-1].last
        return Sequence(column, last, items)

    def _value(self, line: _Line, parent: int, begin: int, depth: int) -> Value:
        """Read what stands behind a key or a dash, which is in the column parent."""
        rest = line.content[begin - line.column :]
        self._at += 1
        if rest == "" or rest.startswith("#"):
            following = self._next()
            is_list = following is not None and _is_item(following.content) and not _is_item(line.content)
            if following is not None and (
                following.column > parent or (is_list and following.column == parent)
            ):
                return self._block(following.column, depth + 1)
            return Scalar(line.number, begin, begin, None, line.number)
        if _BLOCK.fullmatch(rest):
            return self._text(line.number, parent, begin, begin + len(rest))
        following = self._next()
        if following is not None and following.column > parent:
            raise self._error("goes on with the line before it, or is indented too far")
        self._at -= 1
        raw, text = self._scalar(rest)
        self._at += 1
        return Scalar(line.number, begin, begin + len(raw), text, line.number)

    def _text(self, number: int, parent: int, begin: int, end: int) -> Scalar:
        """Pass over a text of several lines, in which nothing is a comment."""
        last = number
        for following in range(number + 1, len(self._raw)):
            line = self._raw[following]
            if line.strip(" ") and len(line) - len(line.lstrip(" ")) <= parent:
                break
            last = following if line.strip(" ") else last
        while self._at < len(self._lines) and self._lines[self._at].number <= last:
            self._at += 1
        return Scalar(number, begin, end, None, last)

    def _scalar(self, rest: str) -> tuple[str, str | None]:
        """Return the scalar at the beginning of rest as it is written and as it is meant."""
        double, single, flow = _DOUBLE.fullmatch(rest), _SINGLE.fullmatch(rest), _FLOW.fullmatch(rest)
        if double:
            return double.group(1), _decoded(double.group(1))
        if single:
            return f"'{single.group(1)}'", single.group(1).replace("''", "'")
        if flow or _is_json(rest):
            return flow.group(1) if flow else rest, None
        raw = re.split(r" +#", rest, maxsplit=1)[0].rstrip(" ")
        if _NO_PLAIN.match(raw) or ": " in raw or raw.endswith(":"):
            raise self._error("is not understood")
        return raw, raw


def _is_item(content: str) -> bool:
    return content == "-" or content.startswith("- ")


def _is_json(text: str) -> bool:
    """Tell whether a list or mapping in brackets is JSON, and so ends where the line does."""
    if text[0] not in "[{":
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(quoted: str) -> str | None:
    """Return what a text in double quotes means, None where it has an escape that is YAML's own."""
    try:
        return None if _UNICODE.search(quoted) else str(json.loads(quoted))
    except ValueError:
        return None
