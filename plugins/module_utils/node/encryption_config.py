# SPDX-License-Identifier: GPL-3.0-or-later
"""What an EncryptionConfiguration can read, and what the API server of this node is told of one.

A node has no YAML parser: JSON is read, and the block YAML of the documentation. Keys are compared by
digests and never told.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, NamedTuple

from . import fsio
from .block_yaml import Mapping, Scalar, Sequence, Value, read
from .component_files import host_paths, on_host
from .flags import EditError
from .manifest_pod import lines_of, read_pod
from .value_beginning import IDENTITY

OPTION = "encryption-provider-config"
RELOAD = "encryption-provider-config-automatic-reload"
_KEYED = ("aescbc", "aesgcm", "secretbox")

Readers = dict[str, str]
"""What begins the stored values that can be read -> a digest of the key that reads them."""
Files = dict[str, "bytes | None"]
"""Contents of files as they will be, None where there is none; others are as they are."""


class Configuration(NamedTuple):
    """What the API server's manifest says of encryption."""

    path: str | None
    """The file on the node, links followed; None where none is named."""
    reloads: bool
    data: bytes | None
    """Its content, None where it is not there."""


def configuration(manifest: str, files: Files | None = None) -> Configuration | None:
    """Return what a manifest and the file that it names say; None where there is no manifest.

    files: contents that are planned. Raises EditError where the manifest is not understood, OSError.
    """
    planned = files or {}
    data = _content(os.path.realpath(manifest), planned)
    if data is None:
        return None
    pod = read_pod(data, "kube-apiserver")
    named = pod.option(OPTION)
    if not named:
        return Configuration(None, False, None)
    path = os.path.realpath(on_host(named, host_paths(data.decode("utf-8"))))
    # The flag alone, without a value, means true.
    reloads = pod.option(RELOAD) == "true" or f"--{RELOAD}" in pod.words
    return Configuration(path, reloads, _content(path, planned))


def _content(path: str, planned: Files) -> bytes | None:
    if path in planned:
        return planned[path]
    return fsio.read_file(path) if os.path.lexists(path) else None


def readers(data: bytes | None) -> dict[str, Readers]:
    """Return what can be read of each resource that a configuration names; None is no configuration.

    Raises EditError where it is not understood.
    """
    if data is None:
        return {}
    found: dict[str, Readers] = {}
    try:
        for entry in _document(data)["resources"]:
            for resource in entry["resources"]:
                for provider in entry["providers"]:
                    found.setdefault(resource, {}).update(_of_provider(provider))
    except (KeyError, TypeError, AttributeError, ValueError) as reason:
        raise EditError("it is no EncryptionConfiguration that is understood") from reason
    return found


def readers_of(found: dict[str, Readers], resource: str) -> Readers:
    """Return what can be read of a resource of the core group: its own entry counts, then wildcards."""
    for name in (resource, "*.", "*.*"):
        if name in found:
            return found[name]
    return {IDENTITY: ""}


def _of_provider(provider: dict[str, Any]) -> Readers:
    ((name, settings),) = provider.items()
    if name == IDENTITY:
        return {IDENTITY: ""}
    if name == "kms":
        version = str(settings.get("apiVersion") or "v1")
        return {f"k8s:enc:kms:{version}:{settings['name']}": ""}
    if name not in _KEYED:
        raise ValueError(name)
    return {f"k8s:enc:{name}:v1:{key['name']}": _digest(key["secret"]) for key in settings["keys"]}


def _digest(secret: str) -> str:
    return hashlib.sha256(str(secret).encode("utf-8", "backslashreplace")).hexdigest()


def _document(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        lines = lines_of(data)
        found = _plain(read(lines), lines)
    if not isinstance(found, dict):
        raise EditError("it is no mapping")
    return found


def _plain(value: Value, lines: list[str]) -> Any:
    """Return data for what was read of YAML; every scalar is text. Raises EditError."""
    if isinstance(value, Mapping):
        return {name: _plain(each, lines) for name, each in value.entries.items()}
    if isinstance(value, Sequence):
        return [_plain(each, lines) for each in value.items]
    if value.text is not None:
        return value.text
    return _flow(value, lines)


def _flow(value: Scalar, lines: list[str]) -> Any:
    """Return what stands in brackets on one line: nothing, or a list of words."""
    text = lines[value.line][value.begin : value.end].strip()
    if value.empty or text == "{}":
        return {}
    if text.startswith("[") and text.endswith("]") and ":" not in text:
        return [word.strip() for word in text[1:-1].split(",") if word.strip()]
    raise EditError(f"line {value.line + 1} is not understood")
