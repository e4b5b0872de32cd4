# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at files of a node that somebody else may have prepared for us.

A path is resolved first, then opened from / down without following a link, as O_PATH: that never
blocks on a FIFO, never wakes a device, and what is judged is what is read. Only regular files are
read, and never more than a limit.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import stat
from collections.abc import Callable
from typing import Any

from .redact import redact
from .text import is_lossy, plain

Entry = dict[str, Any]
Cleaner = Callable[[str], tuple[str, bool]]
"""Returns a text without its secrets, and whether there were any."""

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class ReadError(Exception):
    """A file that will not be read; the text says why."""


class Opened:
    """An open O_PATH descriptor, its stat, and those of the directories above it."""

    def __init__(self, path: bytes) -> None:
        """Open the file that path leads to after links.

        Raises OSError, or ReadError where links go in a circle.
        """
        self.real_path = os.path.realpath(path)
        self.parents: list[tuple[bytes, os.stat_result]] = []
        self.descriptor = os.open(b"/", _LOOK | os.O_DIRECTORY)
        at = b""
        names = [name for name in self.real_path.split(b"/") if name]
        try:
            self.stat = os.fstat(self.descriptor)
            for name in names:
                self.parents.append((at or b"/", self.stat))
                at += b"/" + name
                below = os.open(name, _LOOK, dir_fd=self.descriptor)
                os.close(self.descriptor)
                self.descriptor = below
                self.stat = os.fstat(below)
                if stat.S_ISLNK(self.stat.st_mode):  # what is left after all links were resolved
                    raise ReadError("its links go in a circle")
        except (OSError, ReadError):
            self.close()
            raise

    def read(self, limit: int) -> bytes:
        """Return at most limit + 1 bytes of a regular file (one more than limit: there is more).

        Raises OSError, or ReadError for what is no regular file.
        """
        if not stat.S_ISREG(self.stat.st_mode):
            raise ReadError("it is no regular file")
        reader = os.open(b"/proc/self/fd/%d" % self.descriptor, _READ)
        try:
            return _read_all(reader, limit + 1)
        finally:
            os.close(reader)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _read_all(descriptor: int, limit: int) -> bytes:
    chunks = []
    while limit > 0:
        chunk = os.read(descriptor, min(limit, 65536))
        if not chunk:
            break
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def read_bytes(path: bytes, limit: int) -> bytes:
    """Return the content of a regular file, cut at limit bytes.

    Raises OSError or ReadError.
    """
    with Opened(path) as opened:
        return opened.read(limit)[:limit]


def describe(path: bytes, parents: bool = False) -> Entry:
    """Return the FileEntry of path: the attributes of what it leads to, or why there are none."""
    entry = _empty(path)
    try:
        with Opened(path) as opened:
            _fill(entry, opened, parents)
    except (OSError, ReadError) as reason:
        _explain(entry, path, reason)
    return entry


def describe_text(path: bytes, limit: int, within: tuple[bytes, ...] = (), clean: Cleaner = redact) -> Entry:
    """Return the FileEntry of path with its text, secrets replaced, and the digest of its real bytes.

    A file of more than limit bytes is cut (`truncated`) and has no digest. A link is followed to a
    file below the directory of path or one of within, and is an error on the entry otherwise.
    """
    entry = _empty(path)
    entry.update({"digest": None, "text": None, "redacted": False, "truncated": False, "lossy": False})
    try:
        with Opened(path) as opened:
            _fill(entry, opened, parents=False)
            _check_link(path, opened.real_path, within)
            content = opened.read(limit)
    except (OSError, ReadError) as reason:
        _explain(entry, path, reason)
        return entry
    if len(content) > limit:
        content, entry["truncated"] = content[:limit], True
    else:
        entry["digest"] = "sha256:" + hashlib.sha256(content).hexdigest()
    entry["text"], entry["redacted"] = clean(plain(content))
    entry["lossy"] = is_lossy(content, cut=entry["truncated"])
    return entry


def _check_link(path: bytes, real_path: bytes, within: tuple[bytes, ...]) -> None:
    """Raise ReadError where a link leads out of the directory of path and of those in within.

    A link among the directories above (/lib on a merged /usr) is the system's own and no matter.
    """
    parent, name = os.path.split(path)
    if real_path == os.path.join(os.path.realpath(parent), name):
        return
    for directory in (parent, *within):
        if real_path.startswith(os.path.join(os.path.realpath(directory), b"")):
            return
    raise ReadError(f"it is a link out of its directory, to {plain(real_path)}, and is not followed")


def _empty(path: bytes) -> Entry:
    empty = ("real_path", "type", "mode", "uid", "gid", "owner", "group", "size", "mtime", "error")
    return {"path": plain(path), "exists": False, **dict.fromkeys(empty)}


def _fill(entry: Entry, opened: Opened, parents: bool) -> None:
    status = opened.stat
    entry["exists"] = True
    entry["real_path"] = plain(opened.real_path)
    entry["type"] = _type_of(status.st_mode)
    entry["size"] = status.st_size
    entry["mtime"] = status.st_mtime
    entry.update(_access(status))
    if parents:
        entry["parents"] = [{"path": plain(path), **_access(above)} for path, above in opened.parents]
    if is_lossy(opened.real_path):
        entry["error"] = "its name holds bytes that are not UTF-8"


def _access(status: os.stat_result) -> Entry:
    return {
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": _names(b"/etc/passwd").get(status.st_uid),
        "group": _names(b"/etc/group").get(status.st_gid),
    }


def _type_of(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"


def _explain(entry: Entry, path: bytes, reason: Exception) -> None:
    """Write down why there is no more to say; a file that is not there is no error."""
    if isinstance(reason, OSError) and reason.errno in (errno.ENOENT, errno.ENOTDIR):
        entry["real_path"] = plain(os.path.realpath(path))
    elif isinstance(reason, OSError):
        entry["exists"] = True
        entry["error"] = reason.strerror or str(reason)
    else:
        entry["exists"] = True
        entry["error"] = str(reason)


@functools.lru_cache(maxsize=2)
def _names(path: bytes) -> dict[int, str]:
    """Return the names of numeric owners from a local file: a name service could hang."""
    try:
        lines = read_bytes(path, 1 << 20).splitlines()
    except (OSError, ReadError):
        return {}
    found: dict[int, str] = {}
    for line in lines:
        fields = line.split(b":")
        if len(fields) > 2 and fields[2].isdigit():
            found.setdefault(int(fields[2]), plain(fields[0]))
    return found
