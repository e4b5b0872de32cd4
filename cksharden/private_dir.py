# SPDX-License-Identifier: Apache-2.0
"""The directory of one run of Ansible, which nobody else can read and which is gone at its end.

ansible-runner writes its command there with the whole environment, and passwords that were typed go
that way too, so it lies in memory where this machine has a place for that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.cksharden.node.plugins.plugin_utils import in_memory
from cksharden.errors import UsageError

_PREFIX = "cksharden-ansible-"


@contextmanager
def private_directory() -> Iterator[Path]:
    """Yield a new directory of mode 0700, removed at the end; those of runs that were killed go now."""
    place = in_memory.place() or Path(tempfile.gettempdir())
    _sweep(place)
    # It gets the name that a sweep looks for when it is locked.
    unnamed = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=place))
    holder = os.open(unnamed, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    private = unnamed.rename(place / unnamed.name[1:])
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)
        os.close(holder)
        in_memory.sweep()


def write_password(private: Path, name: str, password: str) -> Path:
    """Write a password for Ansible to read, 0600 in a private directory; return the path.

    Raises:
        UsageError: this machine has no place in memory, and a password is never written to a disk.
    """
    if in_memory.place() != private.parent:
        raise UsageError(
            "there is no directory in memory here for a password to pass through (XDG_RUNTIME_DIR, /dev/shm)",
            mend="name a file of your own with --become-password-file or --vault-password-file",
        )
    path = private / name
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(password, encoding="utf-8")
    return path


def _sweep(place: Path) -> None:
    """Remove the directories of runs that have died: their lock is free."""
    for path in place.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # it has just gone, or is none of ours
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass  # its run is alive
        finally:
            os.close(descriptor)
