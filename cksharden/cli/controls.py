# SPDX-License-Identifier: Apache-2.0
"""`cksharden controls`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cksharden.cli import completion
from cksharden.cli.options import Format, FormatOption
from cksharden.cli.output import say, write
from cksharden.errors import ExitCode
from cksharden.vocabulary import Default, Severity

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued

EXAMPLES = (
    "cksharden controls --profile cks --severity high",
    "cksharden controls --default report_only",
    "cksharden controls --format json",
)


def controls(
    *,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=completion.profiles,
            help=f"Only those of this profile: {', '.join(completion.builtin_profiles())} or a file.",
        ),
    ] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only those of this severity.")] = None,
    default: Annotated[Default | None, typer.Option(help="Only those that apply treats so.")] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002  the option's name
) -> int:
    """List the controls, and whether apply changes them.

    Each with its severity, what apply does by default, its profiles and its title.
    """
    from cksharden.catalog import load_controls
    from cksharden.policy_files import select

    found = load_controls()
    if profile is not None:
        found = select(found, profile).controls
    rows = [_row(one) for one in found]
    for key, wanted in {"severity": severity, "default": default}.items():
        rows = [row for row in rows if wanted is None or row[key] == wanted]
    if not rows:
        say("cksharden: no control fits these options")
    if format is Format.JSON:
        write(json.dumps(rows, indent=2) + "\n")
    elif rows:
        write(_table([[*map(_cell, row.values())] for row in rows]))
    return ExitCode.COMPLIANT


def _row(one: Catalogued) -> dict[str, Any]:
    control = one.control
    return {
        "id": control.id,
        "severity": control.severity.value,
        "default": control.default,
        "profiles": list(control.profiles),
        "title": control.title,
    }


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)
