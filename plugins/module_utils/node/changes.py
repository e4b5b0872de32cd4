# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a transaction: a dict each, and the class that makes it and takes it back.

"action" is one of
  edit        new content by edits.py; made with "create" where there is no file, and with
              "attributes" in place of those of the old one, where it says so
  restore     content, or absence, as the entry "before" says (a rollback)
  attributes  mode, owner and group of what is there
  directory   a directory is there; "before": {"existed": false} asks for none
"""

from __future__ import annotations

import os

from . import fsio
from .step import Change, RefusedError, Step
from .step_attributes import AttributesStep
from .step_directory import DirectoryStep
from .step_file import FileStep


def make(number: int, change: Change, label: str, entry: fsio.Entry | None, base: str) -> Step:
    """Return the Step of a change.

    number is its place in the transaction, label marks staged files (run and role), entry comes
    from the backup where one was made already, base is where backups of earlier runs lie.
    """
    path = os.path.realpath(change["path"]) if entry is None else entry["path"]
    known = {"path": path} if entry is None else entry
    if change["action"] in ("edit", "restore"):
        return FileStep(change, known, f".cksharden-{label}-{number}", base)
    if change["action"] == "attributes":
        return AttributesStep(change, known)
    if change["action"] == "directory":
        return DirectoryStep(change, known)
    raise RefusedError(f"the action {change['action']!r} of {change['path']} is not known")


def check(steps: list[Step], directory: str) -> None:
    """Raise RefusedError unless all steps of the transaction in a directory can be made as planned."""
    made = {step.path for step in steps if isinstance(step, DirectoryStep)}
    for step in steps:
        step.check()
        parent = os.path.dirname(step.path)
        if not os.path.isdir(parent) and parent not in made:
            raise RefusedError(f"{parent} does not exist")
    _check_room(steps, directory)


def _check_room(steps: list[Step], directory: str) -> None:
    """Raise RefusedError unless every filesystem that is written to keeps some room free."""
    needs: dict[int, tuple[str, int]] = {}
    kept = sum(len(step.content() or b"") for step in steps)
    for place, size in [(directory, kept), *(step.space() for step in steps)]:
        device = os.stat(place).st_dev
        known = needs.get(device, (place, fsio.KEPT_FREE))
        needs[device] = (known[0], known[1] + size)
    for place, size in needs.values():
        free = fsio.free_bytes(place)
        if free < size:
            raise RefusedError(f"no room: the filesystem of {place} has {free} bytes free, {size} are needed")
