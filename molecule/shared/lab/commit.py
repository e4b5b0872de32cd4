# SPDX-License-Identifier: Apache-2.0
"""Which commit a record of what happened on the lab is of."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit(page: Path) -> str:
    """Return the commit that is checked out, and whether files beside a record's page differ from it."""
    head = _git(page, "rev-parse", "--short=12", "HEAD")
    changed = _git(page, "status", "--porcelain", "--", ":/", f":!{page.name}")
    return f"{head}, with changes" if changed else head


def _git(page: Path, *words: str) -> str:
    command = ["git", *words]
    return subprocess.run(command, cwd=page.parent, capture_output=True, text=True, check=True).stdout.strip()
