# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the options of a control plane name, and the attributes of each.

There is no YAML parser on a node: options and mounts are found in the text of the manifests by their
form. What is found falsely is described for nothing; what the controller misses, it says.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable

from .components import CERTIFICATE, CONFIGURATION, FILE_OPTIONS, KEYS, NESTING, PRIVATE, STRICTNESS
from .read_files import Files
from .redact import redact, redact_keys
from .safe_read import Entry

# --name=/path, --name /path, and both as items of a YAML or JSON list.
_OPTION = re.compile(
    r"""(?<![\w-])--?([A-Za-z][\w-]*)["']?(?:=|[ \t]*(?:,|\n[ \t]*-)?[ \t]+|\0)["']?(/[^\s"',\]\0]*)"""
)
_ITEM = re.compile(r"^([ \t]*)- (?!- )(.*(?:\n\1[ \t]+(?!-[ \t])\S.*)*)", re.MULTILINE)
_FIELD = r"""(?:^|[ \t]){}:[ \t]*["']?([^\s"',}}]+)"""
_NAME, _INSIDE, _OUTSIDE = (
    re.compile(_FIELD.format(field), re.MULTILINE) for field in ("name", "mountPath", "path")
)
# What an admission plugin is told elsewhere, in YAML or JSON.
_ELSEWHERE = re.compile(r"""(?<![\w-])path["']?:[ \t]*["']?([^\s"',}#]+)""")


def describe_all(files: Files, texts: Iterable[str], most: int) -> dict[str, Entry]:
    """Return the path on the node and the entry of every file that an option names, or a file of NESTING.

    texts: manifests, and command lines with a NUL between words. most: files. Raises ValueError where
    there are more.
    """
    named: dict[str, str] = {}
    nesting: dict[str, tuple[str, dict[str, str]]] = {}
    for text in texts:
        mounts = host_paths(text)
        for option, path in _OPTION.findall(text):
            treatment = FILE_OPTIONS.get(option.replace("_", "-"))
            if treatment is not None:
                host = on_host(path, mounts)
                named[host] = max(named.get(host, treatment), treatment, key=STRICTNESS.index)
                if option.replace("_", "-") == NESTING:
                    nesting[host] = (path, mounts or nesting.get(host, (path, mounts))[1])
    found: dict[str, Entry] = {}
    _describe_each(files, named, found, most)
    for host, (path, mounts) in nesting.items():
        beside = _ELSEWHERE.findall(found[host].get("text") or "")
        others = {on_host(posixpath.join(posixpath.dirname(path), other), mounts) for other in beside}
        _describe_each(files, dict.fromkeys(others - found.keys(), CONFIGURATION), found, most)
    return found


def _describe_each(files: Files, named: dict[str, str], found: dict[str, Entry], most: int) -> None:
    if len(found) + len(named) > most:
        raise ValueError(f"the options of the control plane name more than {most} files")
    found.update({path: _describe(files, path, treatment) for path, treatment in sorted(named.items())})


def host_paths(text: str) -> dict[str, str]:
    """Return {directory of the container: directory of the node} of a manifest in kubeadm's form."""
    inside: dict[str, str] = {}
    outside: dict[str, str] = {}
    for _indent, item in _ITEM.findall(text):
        name, mount, path = (pattern.search(item) for pattern in (_NAME, _INSIDE, _OUTSIDE))
        if name and mount:
            inside[mount[1]] = name[1]
        elif name and path and "hostPath" in item:
            outside[name[1]] = path[1]
    return {mount: outside[name] for mount, name in inside.items() if name in outside}


def on_host(path: str, mounts: dict[str, str]) -> str:
    """Return where a path of the container lies on the node; the same path where no mount says it."""
    path = posixpath.normpath(path)
    for mount in sorted(mounts, key=len, reverse=True):
        directory = mount.rstrip("/")
        if path == directory or path.startswith(directory + "/"):
            return posixpath.normpath(mounts[mount].rstrip("/") + path[len(directory) :])
    return path


def _describe(files: Files, path: str, treatment: str) -> Entry:
    if treatment == PRIVATE:
        files.look_at(path)
    else:
        files.add(path, clean=redact_keys if treatment == KEYS else redact)
    entry = files.entries[path]
    if entry.get("redacted"):
        entry["digest"] = None
    if treatment == CERTIFICATE:
        entry["text"] = None
    entry["links"] = _links(path)
    return entry


def _links(path: str) -> list[str]:
    """Return the path itself and the directories above it, those that are links: a mount ends at one."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(2, len(parts) + 1)]
    return [each for each in above if os.path.islink(each)]
