# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a static pod as data: the options of its process, what it sees of the node, its probes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """One option of a command line; underscores of its name are dashes, `--name` alone is "true"."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"--{self.name}={self.value}"


@dataclass(frozen=True)
class Mount:
    """A directory or file that the container sees; host_path is None for what is not of the host."""

    name: str
    mount_path: str
    host_path: str | None
    read_only: bool
    type: str = ""
    """The hostPath's type: "", Directory, DirectoryOrCreate, File or FileOrCreate."""


@dataclass(frozen=True)
class Probe:
    """A probe over HTTP; the kubelet asks it without credentials. Times in seconds."""

    kind: str
    """startup, liveness or readiness."""
    scheme: str
    host: str
    """Empty: the pod's own address, which is the node's in the host's network."""
    port: int
    path: str
    initial_delay: int
    period: int
    timeout: int
    failures: int


@dataclass(frozen=True)
class Manifest:
    """A static pod with the container of one component."""

    component: str
    path: str
    pod: Mapping[str, Any]
    """The document as data."""
    argv: tuple[str, ...]
    """The command line that the container runtime is given; without `command` it lacks the image's own."""
    options: tuple[Option, ...]
    """In order; a process takes the last of several, or all of them where the option is a list."""
    image: str
    version: str | None
    """The image's tag where it is a version: "v1.37.2", etcd's "3.7.0-0"."""
    mounts: tuple[Mount, ...]
    probes: tuple[Probe, ...]

    def values(self, option: str) -> tuple[str, ...]:
        """Return every value that an option is given, in order."""
        return tuple(one.value for one in self.options if one.name == option)

    def mount_of(self, path: str) -> Mount | None:
        """Return the mount that brings a path into the container, None where it is the image's own."""
        inside = [one for one in self.mounts if _is_below(path, one.mount_path)]
        return max(inside, key=lambda one: len(one.mount_path), default=None)

    def host_path(self, path: str) -> str | None:
        """Return where a path of the container lies on the node; None where nothing of the node is there."""
        nearest = self.mount_of(path)
        if nearest is None or nearest.host_path is None:
            return None
        below = posixpath.relpath(path, nearest.mount_path)
        return posixpath.normpath(posixpath.join(nearest.host_path, below))


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
