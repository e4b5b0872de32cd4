# SPDX-License-Identifier: Apache-2.0
"""Remove directory trees without following a mount out of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.errors import LabError


def remove_tree(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
    """Remove a directory with all that is in it; one that is missing is fine.

    Raises:
        LabError: Something is mounted below it, which may be this machine's own /dev or the like;
            nothing was removed.
    """
    mounted = mounts_below(path, mountinfo.read_text(encoding="utf-8"))
    if mounted:
        raise LabError(f"{path} is not removed: {mounted[0]} is mounted there. Unmount it and try again.")
    if path.exists():
        shutil.rmtree(path)


def mounts_below(path: Path, mountinfo: str) -> list[str]:
    """Return the mount points at or below a directory, from the text of /proc/PID/mountinfo."""
    top = str(path.resolve())
    points = [_unescape(line.split()[4]) for line in mountinfo.splitlines()]
    return [point for point in points if point == top or point.startswith(f"{top}/")]


def _unescape(text: str) -> str:
    # The kernel writes blanks and backslashes of paths as octal numbers.
    return text.encode("latin-1", "replace").decode("unicode_escape") if "\\" in text else text
