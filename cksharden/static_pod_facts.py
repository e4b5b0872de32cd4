# SPDX-License-Identifier: Apache-2.0
"""What a control plane's facts hold, as data: the sections `static_pods` and `rendered`."""

from __future__ import annotations

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import options_of
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Option
from cksharden.facts import Unknown


class File(msgspec.Struct, frozen=True):
    """A file of the node; all but path and exists is None where the file is not there."""

    path: str
    exists: bool
    error: str | None = None
    """Why it could not be looked at or read."""
    real_path: str | None = None
    """Where its links lead to; the attributes are those of the file there."""
    type: str | None = None
    """file, directory, link (of the manifests directory alone) or other."""
    mode: str | None = None
    """Octal, "0600"."""
    uid: int | None = None
    gid: int | None = None
    owner: str | None = None
    group: str | None = None
    size: int | None = None
    mtime: float | None = None
    """Seconds since 1970."""
    digest: str | None = None
    """"sha256:…" of the whole file; None where it was not read, or is no manifest and holds a secret."""
    text: str | None = None
    """None where it is not read: a key, a token file, a log. What is secret in it says "[redacted]"."""
    redacted: bool = False
    truncated: bool = False
    lossy: bool = False
    links: tuple[str, ...] = ()
    """The path itself and the directories above it that are links."""
    name: str = ""
    """In the manifests directory: its name."""

    @property
    def whole_text(self) -> str:
        """The text.

        Raises:
            Unknown: there is none, or not all of it.
        """
        if not self.exists:
            raise Unknown(f"{self.path} does not exist")
        if self.error:
            raise Unknown(f"{self.path}: {self.error}")
        if self.truncated:
            raise Unknown(f"{self.path} is larger than the collector reads")
        if self.lossy:
            raise Unknown(f"{self.path} holds bytes that are not UTF-8")
        if self.text is None:
            raise Unknown(f"{self.path} is not read: it may hold keys, or is no regular file")
        return self.text


class Process(msgspec.Struct, frozen=True):
    """A live process of a component, in a container of a pod."""

    pid: int
    argv: tuple[str, ...]
    """Its command line; the value of an option that is a secret says "[redacted]"."""
    started: float
    """Seconds since 1970, to the second."""
    pod_uid: str | None = None
    container_id: str | None = None

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options, in order."""
        return options_of(self.argv[1:])

    def values(self, option: str) -> tuple[str, ...]:
        """Return every value that an option is given, in order."""
        return tuple(one.value for one in self.options if one.name == option)


class Loaded(msgspec.Struct, frozen=True):
    """What an API server says of a configuration that it reloads."""

    hash: str
    """"sha256:…" of what it has loaded."""
    path: str | None = None
    """The file on the node, where the process names one."""
    current: bool | None = None
    """Whether that file is still what was loaded; None where it could not be read."""


class Program(msgspec.Struct, frozen=True):
    """The node's kubeadm."""

    path: str
    version: str | None = None
    """"v1.37.2"; None where it does not say."""


class StaticPods(msgspec.Struct, frozen=True):
    """The section `static_pods`."""

    directory: str
    entries: tuple[File, ...]
    """Everything in the directory, in the kubelet's order."""
    processes: dict[str, tuple[Process, ...]]
    files: dict[str, File]
    """Path on the node -> a file that an option of a component names."""
    loaded: dict[str, Loaded] = {}
    """authentication, authorization or encryption -> what the API server has loaded."""
    stored: dict[str, dict[str, int]] = {}
    """Resource -> what the values in etcd begin with, `identity` in the clear -> how many; {}: not asked."""
    stored_error: str = ""
    """Why etcd did not tell that though it was asked."""
    kubeadm: Program | None = None
    leads_etcd: bool | None = None
    """Whether the node's member of etcd led the others; None where that is not known."""


class Text(msgspec.Struct, frozen=True):
    """A manifest that kubeadm would write."""

    text: str
    digest: str | None = None


class Rendered(msgspec.Struct, frozen=True):
    """The section `rendered`."""

    kubernetes_version: str
    manifests: dict[str, Text]
