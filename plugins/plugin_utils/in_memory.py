# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory in memory for what tasks of one playbook hand to each other and no result may hold: secrets.

It belongs to the process of the playbook, and the next one removes what a dead one has left.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

from ansible_collections.cksharden.node.plugins.plugin_utils.controller import namespace, started

_PREFIX = "cksharden-handed-"


class NoMemoryError(ValueError):
    """This machine has no place in memory that is ours alone."""


def place() -> Path | None:
    """Return a directory that is never on a disk, where there is one of ours or of everybody."""
    for name in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108  what is made there is ours
        if name and os.access(name, os.W_OK | os.X_OK):
            found = Path(name)
            if found.is_dir() and (name == "/dev/shm" or found.stat().st_uid == os.geteuid()):  # noqa: S108
                return found
    return None


def directory(pid: int | None = None) -> Path:
    """Return the directory of a playbook, mode 0700, which the first who asks makes.

    pid: the playbook's process, by default the parent of this one, as it is for every task.
    Raises NoMemoryError, OSError.
    """
    above = place()
    if above is None:
        raise NoMemoryError("there is no directory in memory here (XDG_RUNTIME_DIR, /dev/shm)")
    path = above / _name(os.getppid() if pid is None else pid)
    if not path.exists():
        _sweep(above)
        path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NoMemoryError(f"{path} is somebody else's")
    return path


def write(name: str, content: bytes) -> Path:
    """Write a file, mode 0600, whole or not at all, in the directory of this playbook; return its path.

    Raises NoMemoryError, OSError.
    """
    path = directory() / name
    unfinished = path.with_name(f".{name}-{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    return unfinished.replace(path)


def remove() -> None:
    """Remove the directory of this task's playbook, where there is one."""
    above = place()
    if above is not None:
        shutil.rmtree(above / _name(os.getppid()), ignore_errors=True)


def sweep() -> None:
    """Remove the directories of playbooks that have ended."""
    above = place()
    if above is not None:
        _sweep(above)


def _name(pid: int) -> str:
    return f"{_PREFIX}{_here()}-{pid}-{started(pid)}"


def _here() -> str:
    """Return what sets processes apart that can't see each other, and users."""
    return f"{os.geteuid()}-{re.sub('[^0-9]', '', namespace())}"


def _sweep(above: Path) -> None:
    for path in above.glob(f"{_PREFIX}{_here()}-*-*"):
        pid, start = path.name.split("-")[-2:]
        if started(int(pid)) != int(start):
            shutil.rmtree(path, ignore_errors=True)
