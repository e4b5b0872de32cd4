# SPDX-License-Identifier: Apache-2.0
"""Lines of text for a terminal, in which nothing that came from a node can do anything."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Style(StrEnum):
    """What a piece of text means; the value is its colour where colours are wanted (ECMA-48 SGR)."""

    BAD = "31"
    UNSURE = "33"
    GOOD = "32"
    HEAD = "1"
    QUIET = "2"


def clean(text: str) -> str:
    """Return `text` as one line that a terminal only shows: control and direction characters are escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shorten(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters; 0 means whole."""
    return text if not limit or len(text) <= limit else f"{text[: limit - 1]}…"


class Sheet:
    """Collects lines; every piece is cleaned here, so no caller can forget it."""

    def __init__(self, *, colours: bool = False, columns: int = 0) -> None:
        """Begin an empty sheet; lines longer than `columns` are cut, unless it is 0."""
        self._colours = colours
        self._columns = columns
        self._lines: list[str] = []

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self._lines)

    def line(self, *pieces: str | tuple[str, Style]) -> None:
        """Add one line; a piece is text, or text and its style."""
        shown, room = [], self._columns
        for piece in pieces:
            text, style = piece if isinstance(piece, tuple) else (piece, None)
            whole = clean(text)
            cut = shorten(whole, room)
            shown.append(f"\x1b[{style.value}m{cut}\x1b[0m" if style and self._colours and cut else cut)
            if self._columns:
                room -= len(cut)
                if room < 1 or cut != whole:
                    break
        self._lines.append("".join(shown).rstrip())

    def add(self, other: Sheet) -> None:
        """Add the lines of another sheet, set off by an empty line."""
        if other._lines:
            self.gap()
            self._lines += other._lines

    def heading(self, text: str) -> None:
        """Add a heading, set off by an empty line."""
        self.gap()
        self.line((text, Style.HEAD))

    def gap(self) -> None:
        """Add an empty line, unless there is one or nothing above it."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def diff(self, text: str, indent: str) -> None:
        """Add a unified diff."""
        styles = {"+": Style.GOOD, "-": Style.BAD, "@": Style.QUIET}
        # Not splitlines: a form feed or U+2028 in a file is no end of a line of a diff.
        for line in text.removesuffix("\n").split("\n"):
            tabbed = line.expandtabs(4)
            style = styles.get(line[:1])
            self.line(indent, (tabbed, style) if style else tabbed)

    def table(self, rows: Iterable[Iterable[str]], indent: str = "") -> None:
        """Add rows whose first column is text and whose other columns are numbers."""
        cells = [[clean(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            first, *numbers = (
                f"{row[0]:<{widths[0]}}",
                *(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True)),
            )
            self.line(indent, "  ".join((first, *numbers)))

    def text(self) -> str:
        """Return all of it, ending in a newline."""
        return "\n".join(self._lines) + "\n"
