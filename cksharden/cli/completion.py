# SPDX-License-Identifier: Apache-2.0
"""What the shell completes: controls, profiles and runs. Reads names of files only, so it is quick."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

_PACKAGE = Path(__file__).parents[1]


def control_ids(incomplete: str) -> list[str]:
    """Return the controls that begin so."""
    return _beginning(incomplete, _PACKAGE.glob("controls/*/*.yml"))


def builtin_profiles(incomplete: str = "") -> list[str]:
    """Return the built-in profiles that begin so."""
    return _beginning(incomplete, _PACKAGE.glob("profiles/*.yml"))


def profiles(incomplete: str) -> list[str]:
    """Return the built-in profiles that begin so, and files of profiles here."""
    own = [path for path in Path().glob(f"{incomplete}*") if path.is_dir() or path.suffix == ".yml"]
    return builtin_profiles(incomplete) + sorted(map(str, own))


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Return the runs that begin so, the newest first."""
    directory = Path(context.params.get("runs_dir") or "runs")
    return _beginning(incomplete, (path.parent for path in directory.glob("*/run.json")))[::-1]


def _beginning(incomplete: str, paths: Iterable[Path]) -> list[str]:
    return sorted(path.stem for path in paths if path.stem.startswith(incomplete))
