# SPDX-License-Identifier: Apache-2.0
"""`cksharden controls`."""

from __future__ import annotations

import json

from cksharden.cli.options import Choice, Format, FormatOption
from cksharden.cli.output import write
from cksharden.errors import ExitCode


def controls(choice: Choice, format: FormatOption = Format.TEXT) -> int:  # noqa: A002  the option's name
    """List the controls: severity, whether apply changes them by default, and their profiles."""
    from cksharden.catalog import load_controls
    from cksharden.policy_files import DEFAULT_PROFILE, select

    found = load_controls()
    if choice.profile or choice.control:
        found = select(found, choice.profile or DEFAULT_PROFILE, choice.control or ()).controls
    rows = [
        {
            "id": one.control.id,
            "severity": one.control.severity.value,
            "default": one.control.default,
            "profiles": list(one.control.profiles),
            "title": one.control.title,
        }
        for one in found
    ]
    if format is Format.JSON:
        write(json.dumps(rows, indent=2) + "\n")
    else:
        write(_table([[*map(_cell, row.values())] for row in rows]))
    return ExitCode.COMPLIANT


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)
