# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with all that belongs to them: content, mode, owner, times and extended attributes."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import stat
from typing import Any

State = dict[str, Any]
"""{"type": file|directory|other, "mode": "0644", "uid", "gid"}, for a file also "digest"; None = absent."""
Entry = dict[str, Any]
"""A State with "existed", "path", "atime_ns", "mtime_ns", "xattrs", "inode": enough to make it again."""

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory"}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
KEPT_FREE = 4 * 1024 * 1024
"""Bytes of each filesystem that a transaction must leave unused."""


def state_of(path: str, *, digest: bool = True) -> State | None:
    """Return how path is now, links not followed; None where there is nothing."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    state = state_from(status)
    if digest and state["type"] == "file":
        state["digest"] = digest_of(read_file(path))
    return state


def state_from(status: os.stat_result) -> State:
    """Return the State of a stat result, without a digest."""
    return {
        "type": _KINDS.get(stat.S_IFMT(status.st_mode), "other"),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def entry_of(path: str) -> Entry:
    """Return what is needed to make path again as it is now, but for a file's content."""
    try:
        descriptor = open_here(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"path": path, "existed": False}
    try:
        status = os.fstat(descriptor)
        return {
            **state_from(status),
            "path": path,
            "existed": True,
            "inode": [status.st_dev, status.st_ino],
            "links": status.st_nlink,
            "atime_ns": status.st_atime_ns,
            "mtime_ns": status.st_mtime_ns,
            "xattrs": _xattrs(descriptor),
        }
    finally:
        os.close(descriptor)


def difference(wanted: State | None, found: State | None) -> str:
    """Say in which of the keys of wanted found differs from it; "" where it does not."""
    if wanted is None or found is None:
        if wanted is found:
            return ""
        return "it is there now" if wanted is None else "it is gone"
    if wanted.get("type", found["type"]) != found["type"]:
        return f"it is a {found['type']} now"
    keys = ("digest", "mode", "uid", "gid")
    other = [key for key in keys if wanted.get(key) is not None and wanted[key] != found.get(key)]
    told = [
        "its content is another" if key == "digest" else f"{key} is {found.get(key)}, not {wanted[key]}"
        for key in other
    ]
    return ", ".join(told)


def digest_of(data: bytes) -> str:
    """Return the digest of data as it stands in facts and plans."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read_file(path: str) -> bytes:
    """Return the content of a regular file, links not followed."""
    descriptor = open_here(path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", path)
        pieces: list[bytes] = []
        while True:
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    finally:
        os.close(descriptor)


def write_new(path: str, data: bytes, meta: Entry | None = None) -> None:
    """Make a file that must not be there yet, with the metadata of an Entry, and sync it.

    Without meta it belongs to root alone. The directory is the caller's to sync.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        if meta is not None:
            apply_meta(descriptor, meta)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def apply_meta(descriptor: int, meta: Entry) -> None:
    """Give an open file the owner, mode, extended attributes and times that meta names."""
    set_attributes(descriptor, meta)
    wanted = meta.get("xattrs", {})
    present = _xattrs(descriptor)
    for name in present.keys() - wanted.keys():
        if "xattrs" in meta and name != "security.selinux":
            os.removexattr(descriptor, name)
    for name, value in wanted.items():
        if present.get(name) != value:
            os.setxattr(descriptor, name, base64.b64decode(value))
    if "mtime_ns" in meta and meta.get("keep_times"):
        os.utime(descriptor, ns=(meta["atime_ns"], meta["mtime_ns"]))


def set_attributes(descriptor: int, meta: dict[str, Any]) -> None:
    """Set owner, group and mode of an open file, each where meta names one."""
    # The owner first: a change of owner takes setuid bits away.
    uid, gid = meta.get("uid"), meta.get("gid")
    if uid is not None or gid is not None:
        os.fchown(descriptor, -1 if uid is None else uid, -1 if gid is None else gid)
    if meta.get("mode") is not None:
        os.fchmod(descriptor, int(meta["mode"], 8))


def open_here(path: str) -> int:
    """Open a file or directory to work on it by descriptor: links not followed, access time left alone."""
    try:
        return os.open(path, _READ | os.O_NOATIME)
    except PermissionError:  # some filesystems know no O_NOATIME
        return os.open(path, _READ)


def sync_directory(path: str) -> None:
    """Return when the names in a directory are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_file(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def free_bytes(path: str) -> int:
    """Return the bytes that can still be written to the filesystem of path; 0 where no file can be made."""
    status = os.statvfs(path)
    if status.f_files and status.f_favail < 64:
        return 0
    return status.f_bavail * status.f_frsize


def existing_ancestor(path: str) -> str:
    """Return path or the nearest directory above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def mount_of(directory: str) -> str:
    """Return the id of the mount that a directory is on: no rename or link crosses one.

    The device does not tell it. A kubelet whose root file system is not shared mounts /var/lib/kubelet
    onto itself.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as stream:
            return next(line.split()[1] for line in stream if line.startswith("mnt_id:"))
    finally:
        os.close(descriptor)


def _xattrs(descriptor: int) -> dict[str, str]:
    try:
        names = os.listxattr(descriptor)
    except OSError as reason:
        if reason.errno == errno.ENOTSUP:
            return {}
        raise
    return {name: base64.b64encode(os.getxattr(descriptor, name)).decode("ascii") for name in names}
