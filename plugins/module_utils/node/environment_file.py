# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an environment file as systemd's EnvironmentFile= does (src/basic/env-file.c; systemd.exec(5)).

A backslash before the end of a line joins it with the next one in an unquoted and in a double-quoted
value; in single quotes it is only a character.
"""

from __future__ import annotations

from typing import NamedTuple

_SPACE = " \t\r"


class Assignment(NamedTuple):
    """One assignment; text[begin:end] is its value as it is written."""

    name: str
    value: str
    begin: int
    end: int


class Doubt(NamedTuple):
    """A place in the text that can't be read with certainty, and why."""

    place: int
    reason: str


class EnvironmentFile:
    """What systemd makes of a text: its assignments in order, and what is doubtful in it."""

    def __init__(self, text: str) -> None:
        """Walk through the text, a character at a time."""
        self.assignments: list[Assignment] = []
        self.doubts: list[Doubt] = []
        self._text = text
        self._state, self._name = "pre_key", ""
        self._value: list[str] = []
        self._key_at = self._value_at = self._blanks = 0
        for index, char in enumerate(text):
            self._step(index, char)
        self._end()

    @property
    def ended(self) -> bool:
        """Whether a line that is appended to the text would be one of its own."""
        return self._state == "pre_key"

    def _step(self, index: int, char: str) -> None:
        before = self._state
        if char in "\n\r" and before in ("pre_value", "value", "key", "comment"):
            self._end_line(index)
            self._state = "pre_key"
        elif before == "pre_key":
            if char not in " \t\r\n":
                self._state, self._key_at = ("comment" if char in "#;" else "key"), index
        elif before == "key" and char == "=":
            self._state, self._value, self._blanks = "pre_value", [], 0
            self._name, self._value_at = self._text[self._key_at : index].rstrip(_SPACE), index + 1
        else:
            self._state = _NEXT.get((before, char)) or _NEXT.get((before, ""), before)
            self._take(before, char)
            if before == "comment_escape" and char == "\n":
                self._doubt_next_line(index + 1)

    def _take(self, before: str, char: str) -> None:
        """Add what a character means to the value."""
        if before == "double_escape":
            self._value.append(char if char in '"\\`$' else "" if char == "\n" else "\\" + char)
        elif before == "value_escape":
            self._value.append("" if char in "\n\r" else char)
        elif self._state == "value" or (before == self._state and before in ("single", "double")):
            self._value.append(char)
        plain = before == self._state == "value"
        self._blanks = self._blanks + 1 if plain and char in " \t" else 0

    def _end_line(self, index: int) -> None:
        if self._state.endswith("value"):
            self._assign(index)
        elif self._state == "key":
            self.doubts.append(Doubt(self._key_at, "not an assignment that can be understood"))

    def _assign(self, end: int) -> None:
        value = "".join(self._value[: len(self._value) - self._blanks])
        self.assignments.append(Assignment(self._name, value, self._value_at, end))

    def _end(self) -> None:
        """End the last line as the end of the file does."""
        self._end_line(len(self._text))
        if self._state in ("single", "double", "double_escape", "value_escape"):
            self._assign(len(self._text))
            reason = f"the value of {self._name} is not ended: a quote is not closed, or a line is continued"
            self.doubts.append(Doubt(self._value_at, reason))

    def _doubt_next_line(self, begin: int) -> None:
        """Doubt the line behind a comment that ends with a backslash: a comment too until systemd 254."""
        following = self._text[begin:].partition("\n")[0].strip()
        if following and following[0] not in "#;":
            reason = (
                "it is a comment to some versions of systemd, since the comment above ends with a backslash"
            )
            self.doubts.append(Doubt(begin, reason))


# (state, character) -> state; "" stands for every other character.
_NEXT = {
    ("pre_value", " "): "pre_value",
    ("pre_value", "\t"): "pre_value",
    ("pre_value", "'"): "single",
    ("pre_value", '"'): "double",
    ("pre_value", "\\"): "value_escape",
    ("pre_value", ""): "value",
    ("value", "\\"): "value_escape",
    ("value_escape", ""): "value",
    ("single", "'"): "pre_value",
    ("double", '"'): "pre_value",
    ("double", "\\"): "double_escape",
    ("double_escape", ""): "double",
    ("comment", "\\"): "comment_escape",
    ("comment_escape", ""): "comment",
}
