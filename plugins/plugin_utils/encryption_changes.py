# SPDX-License-Identifier: GPL-3.0-or-later
"""From a round of a new key to the changes of the file that the API server reads it from. Pure."""

from __future__ import annotations

from collections.abc import Callable
from posixpath import dirname
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_settings import ENCRYPTION
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import (
    Key,
    first_round,
    second_round,
    third_round,
)

FILE = "/etc/kubernetes/cksharden/encryption.yaml"
"""Where nobody has one yet. The API server reads it again by itself, so that its name holds no digest."""
MODE = "0600"

ROUNDS: dict[int, Callable[[str | None, str, Key], str]] = {1: first_round, 2: second_round, 3: third_round}
"""1: every API server can read by the key. 2: each writes by it. 3: what no longer writes goes."""


def role_of(number: int) -> str:
    """Return the name of a round's transaction on each node."""
    return f"{ENCRYPTION}_{number}"


def is_private(mode: str) -> bool:
    """Tell whether a mode, in octal digits, gives nobody more than MODE does."""
    return not int(mode, 8) & ~int(MODE, 8)


def encryption_changes(found: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the Changes that give a node's configuration a new text, none where it has it.

    found: the node's answer to `read` (module_utils/node/encryption.py).
    """
    path, exists = found["path"], found["encryption"] == "read"
    reloads = found["named"] == path and found["reloads"]
    private = exists and is_private(found["mode"])
    same = exists and found["text"] == text and private
    changes = [] if same else [_directory(dirname(path)), _written(found, text, private=private)]
    return {
        "changes": changes,
        "refused": [],
        "daemon_reload": False,
        # An API server that does not read it yet gets it with the restart that its own option brings.
        "restart": ENCRYPTION if reloads and changes else None,
        "gate": {"path": path},
    }


def _written(found: dict[str, Any], text: str, *, private: bool) -> dict[str, Any]:
    exists = found["encryption"] == "read"
    return {
        "path": found["path"],
        "action": "edit",
        "edits": [{"op": "write", "content": text}],
        "create": {"mode": MODE, "uid": 0, "gid": 0},
        # What others could read is root's alone from now on.
        "attributes": {} if private else {"mode": MODE},
        "ground": {key: found[key] for key in ("digest", "mode", "uid", "gid")} if exists else None,
    }


def _directory(path: str) -> dict[str, Any]:
    return {
        "path": path,
        "action": "directory",
        "create": {"mode": "0700", "uid": 0, "gid": 0},
        "ground": None,
    }
