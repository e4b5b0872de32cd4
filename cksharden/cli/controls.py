# SPDX-License-Identifier: Apache-2.0
"""`cksharden controls`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cksharden.cli.options import Choice, Format, FormatOption
from cksharden.cli.output import write
from cksharden.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued

EXAMPLES = (
    "cksharden controls --profile cks --severity high",
    "cksharden controls --default report_only",
    "cksharden controls --format json",
)


def controls(
    *,
    choice: Choice,
    severity: Annotated[str | None, typer.Option(metavar="SEVERITY", help="Only these, as `high`.")] = None,
    default: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Only what apply treats so: `enabled`, `opt_in` or `report_only`."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002  the option's name
) -> int:
    """List the controls: severity, whether apply changes them by default, and their profiles."""
    from cksharden.catalog import load_controls
    from cksharden.policy_files import DEFAULT_PROFILE, select

    found = load_controls()
    known = [_row(one) for one in found]
    if choice.profile or choice.control:
        found = select(found, choice.profile or DEFAULT_PROFILE, choice.control or ()).controls
    rows = [_row(one) for one in found]
    for key, wanted in {"severity": severity, "default": default}.items():
        if wanted is not None:
            _require(key, wanted, known)
            rows = [row for row in rows if row[key] == wanted]
    if format is Format.JSON:
        write(json.dumps(rows, indent=2) + "\n")
    else:
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


def _require(key: str, wanted: str, known: Sequence[dict[str, Any]]) -> None:
    there = sorted({row[key] for row in known})
    if wanted not in there:
        raise UsageError(f"no control is {wanted!r}", key=f"--{key}", mend=f"use one of {', '.join(there)}")


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)
