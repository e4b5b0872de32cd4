# SPDX-License-Identifier: Apache-2.0
"""Write tar archives whose bytes depend on their content alone: root's files, the epoch's times."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A regular file: its place in the archive, its bytes or where to read them, its mode."""

    path: str
    content: bytes | Path
    mode: int = 0o644


@dataclass(frozen=True)
class Folder:
    """A directory."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


Entry = File | Folder | Link


def add_entries(archive: tarfile.TarFile, entries: Iterable[Entry]) -> None:
    """Append entries to an open archive, in the order given."""
    for entry in entries:
        info = tarfile.TarInfo(entry.path.lstrip("/"))
        if isinstance(entry, Folder):
            info.type, info.mode = tarfile.DIRTYPE, entry.mode
            archive.addfile(info)
        elif isinstance(entry, Link):
            info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, entry.target
            archive.addfile(info)
        elif isinstance(entry.content, bytes):
            info.mode, info.size = entry.mode, len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
        else:
            info.mode, info.size = entry.mode, entry.content.stat().st_size
            with entry.content.open("rb") as source:
                archive.addfile(info, source)


def write_tar(path: Path, entries: Iterable[Entry]) -> None:
    """Write a new uncompressed archive of these entries."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        add_entries(archive, entries)


def tar_bytes(entries: Iterable[Entry]) -> bytes:
    """Return an archive of these entries, for small ones that go straight to a node."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        add_entries(archive, entries)
    return buffer.getvalue()


def read_member(path: Path, name: str) -> bytes:
    """Return the content of a regular file of an archive, whose names may begin with "./"."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.removeprefix("./") == name:
                handle = archive.extractfile(member)
                if handle is not None:
                    return handle.read()
    raise FileNotFoundError(f"{path}: no {name}")
