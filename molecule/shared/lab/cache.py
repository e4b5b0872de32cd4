# SPDX-License-Identifier: Apache-2.0
"""A cache of what is slow to make, keyed by a hash of everything that went into it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.progress import say
from lab.remove import remove_tree

Inputs = Mapping[str, "str | Sequence[str] | Mapping[str, str]"]


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
        os.utime(entry)  # for prune
        return entry
    with locked(f"{kind}-{key}"):
        if entry.is_dir():
            return entry
        workshop = _workshop(f"{kind}-{key}")
        try:
            build(workshop)
        except BaseException:
            remove_tree(workshop)
            raise
        described = json.dumps(inputs, sort_keys=True, indent=2)
        (workshop / "inputs.json").write_text(f"{described}\n", encoding="utf-8")
        os.sync()  # or a power cut could leave the name without the content
        entry.parent.mkdir(parents=True, exist_ok=True)
        workshop.rename(entry)
    return entry


def prune(kinds: Iterable[str], days: float) -> list[str]:
    """Remove the entries of these kinds that nobody asked for within days; return their names."""
    oldest = time.time() - days * 86400
    removed = []
    for entry in sorted(entry for kind in kinds for entry in (cache_root() / kind).glob("*")):
        name = f"{entry.parent.name}-{entry.name}"
        with locked(name):
            if entry.stat().st_mtime < oldest:
                # Aside first, so that nobody finds half of it.
                remove_tree(entry.rename(_workshop(name) / entry.name).parent)
                removed.append(name)
    return removed


def _workshop(name: str) -> Path:
    """Return a new empty directory, clearing away those of killed builders: the lock is ours."""
    folder = cache_root() / "unfinished"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{name}.*"):
        remove_tree(left)
    # A name of its own each time: a killed builder's children may still write to theirs.
    return Path(tempfile.mkdtemp(prefix=f"{name}.", dir=folder))


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Wait for and hold a lock of the cache; it ends with the process, however that ends."""
    folder = cache_root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"         waiting for another process that makes {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
