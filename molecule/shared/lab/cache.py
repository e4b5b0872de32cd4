# SPDX-License-Identifier: Apache-2.0
"""A cache of what is slow to make, keyed by a hash of everything that went into it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Inputs = Mapping[str, "str | list[str] | dict[str, str]"]


def cache_root() -> Path:
    """Return the cache directory: $CKSHARDEN_LAB_CACHE, else ~/.cache/cksharden-lab."""
    chosen = os.environ.get("CKSHARDEN_LAB_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "cksharden-lab"


def key_of(inputs: Inputs) -> str:
    """Return the key of an entry made from these inputs; their order does not matter."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def digest_files(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the sha256 of each file's content by the name given to it."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(files.items())}


def cached(kind: str, inputs: Inputs, build: Callable[[Path], None]) -> Path:
    """Return the directory of an entry, building it first where it is missing.

    The entry is built aside and renamed when it is whole, so an interrupted build leaves none;
    builders of one entry wait for each other, so it is built once.

    Args:
        build: Fills the empty directory that it is given.
    """
    key = key_of(inputs)
    entry = cache_root() / kind / key
    if entry.is_dir():
        return entry
    with locked(f"{kind}-{key}"):
        if entry.is_dir():
            return entry
        workshop = cache_root() / "unfinished" / f"{kind}-{key}"
        # Only whoever holds the lock builds here: what is left is a killed builder's.
        shutil.rmtree(workshop, ignore_errors=True)
        workshop.mkdir(parents=True)
        try:
            build(workshop)
        except BaseException:
            shutil.rmtree(workshop, ignore_errors=True)
            raise
        (workshop / "inputs.json").write_text(json.dumps(inputs, sort_keys=True, indent=2) + "\n", encoding="utf-8")
        os.sync()  # or a power cut could leave the name without the content
        entry.parent.mkdir(parents=True, exist_ok=True)
        workshop.rename(entry)
    return entry


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Wait for and hold a lock of the cache; it ends with the process, however that ends."""
    folder = cache_root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
