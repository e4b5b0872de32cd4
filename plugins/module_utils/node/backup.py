# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction keeps of its targets: the Entry of each in backup/manifest.json, contents by number."""

from __future__ import annotations

import json
import os

from . import fsio, store
from .step import Step

_MANIFEST = "manifest.json"


def make(directory: str, steps: list[Step]) -> None:
    """Keep what all steps of the transaction in a directory need to be undone, and sync it."""
    place = os.path.join(directory, "backup")
    for number, step in enumerate(steps):
        content = step.content()
        if content is not None:
            fsio.write_new(path_of(directory, number), content)
    entries = json.dumps([step.entry for step in steps], indent=1, sort_keys=True)
    fsio.write_new(os.path.join(place, _MANIFEST + ".new"), entries.encode("ascii"))
    os.rename(os.path.join(place, _MANIFEST + ".new"), os.path.join(place, _MANIFEST))
    fsio.sync_directory(place)


def read(directory: str) -> list[fsio.Entry]:
    """Return the Entry of each step. Raises FileNotFoundError where no backup was made."""
    entries: list[fsio.Entry] = store.read_json(os.path.join(directory, "backup"), _MANIFEST)
    return entries


def content_of(directory: str, number: int) -> bytes | None:
    """Return the content of a step's target, None where none was kept."""
    try:
        return fsio.read_file(path_of(directory, number))
    except FileNotFoundError:
        return None


def path_of(directory: str, number: int) -> str:
    """Return where the content of a step's target is kept."""
    return os.path.join(directory, "backup", str(number))
