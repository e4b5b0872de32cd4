# SPDX-License-Identifier: Apache-2.0
"""What verbs print: reports on stdout or into a file, everything else on stderr."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

import typer

from cksharden.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cksharden.cli.options import Output
    from cksharden.model import Plan
    from cksharden.report import Screen, View
    from cksharden.report.sheet import Sheet
    from cksharden.transactions import Preparations, Restorations


def has_colours(stream_is_terminal: bool) -> bool:
    """Say whether to colour: a terminal that can, and no NO_COLOR (no-color.org: set and not empty)."""
    return stream_is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def check_output(output: Output) -> None:
    """Refuse a file that can't be written before anything else is done."""
    if output.output is None:
        return
    parent = output.output.parent
    if output.output.is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(
            "can't be written",
            file=output.output,
            key="--output",
            mend="name a file in a directory that exists",
        )


def show(view: View, output: Output) -> None:
    """Print a report, or write it into --output."""
    from cksharden.report import REPORTERS, Options

    terminal = output.output is None and sys.stdout.isatty()
    screen = _screen() if terminal and not output.everything else None
    options = Options(output.everything, has_colours(terminal), screen)
    text = REPORTERS[output.format].render(view, options)
    if output.output is None:
        write(text)
    else:
        try:
            output.output.write_text(text, encoding="utf-8")
        except OSError as error:
            message = f"can't be written: {error.strerror}"
            raise IncompleteError(message, file=output.output, mend=f"see it with `{view.again}`") from error


def _screen() -> Screen:
    """Return the size of the terminal; one that does not know it, or is tiny, counts as 80 by 24."""
    from cksharden.report import Screen

    size = shutil.get_terminal_size()
    return Screen(max(size.columns, 80), max(size.lines, 24))


def show_plan(plan: Plan, output: Output) -> None:
    """Print a plan before the question about it."""
    from cksharden.report.planned import plan_lines

    _show_before(output, lambda sheet: plan_lines(sheet, plan))


def show_restorations(found: Restorations, output: Output) -> None:
    """Print what a rollback would do before the question about it."""
    from cksharden.report.restored import restoration_lines

    _show_before(output, lambda sheet: restoration_lines(sheet, found))


def show_preparations(found: Preparations, output: Output) -> None:
    """Print what would be placed before the question about it."""
    from cksharden.report.prepared import preparation_lines

    _show_before(output, lambda sheet: preparation_lines(sheet, found))


def _show_before(output: Output, add_lines: Callable[[Sheet], None]) -> None:
    """Print what is not the report: to stderr where stdout is for a program."""
    from cksharden.report.sheet import Sheet

    stream = sys.stdout if output.output is None and output.format == "text" else sys.stderr
    sheet = Sheet(colours=has_colours(stream.isatty()))
    add_lines(sheet)
    sheet.gap()
    write(sheet.text(), stream)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write to stdout, or another stream; characters that its encoding lacks are shown escaped."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def say(text: str) -> None:
    """Write a line to stderr; each line of it is cleaned."""
    from cksharden.report.sheet import clean

    for line in text.split("\n"):
        typer.echo(clean(line), err=True)


def can_ask() -> bool:
    """Say whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_secret(prompt: str, *, key: str, mend: str) -> str:
    """Ask for a password, which is not shown. Raises UsageError where there is no terminal to ask on."""
    if not can_ask():
        raise UsageError("there is no terminal to ask on", key=key, mend=mend)
    return getpass.getpass(prompt)


def require_consent(*, yes: bool, verb: str) -> None:
    """Refuse, before any node is reached, a change that nobody could agree to."""
    if not yes and not can_ask():
        raise UsageError(
            f"{verb} changes nodes, and there is no terminal to ask on",
            key="--yes",
            mend="give --yes to change them unasked",
        )


def agreed(question: str, *, yes: bool) -> bool:
    """Ask, unless --yes was given. Raises KeyboardInterrupt where Ctrl-C is the answer."""
    try:
        return yes or typer.confirm(question, default=False, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
