# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions about encryption at rest have in common: their settings, the node's file, the key."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ansible import constants

from ansible_collections.cksharden.node.plugins.plugin_utils import in_memory
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import EncryptionError, Key
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import run_on_node

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

Setting = dict[str, Any]

_SECONDS = 60
_KEY = "encryption-key"


def settings_of(action: ActionBase, variables: dict[str, Any]) -> list[Setting]:
    """Return the host's encryption_settings; those of a plan are taken as they are, never as templates.

    Raises EncryptionError where Ansible would log what nodes answer.
    """
    settings = variables.get("encryption_settings") or []
    if settings and constants.DEFAULT_DEBUG:
        raise EncryptionError(
            "ANSIBLE_DEBUG has Ansible log what nodes answer, and that holds keys: unset it"
        )
    if "cksharden_plan" not in variables:
        settings = action._templar.template(settings)  # noqa: SLF001  Ansible's way for plugins
    return list(settings)


def read(action: ActionBase, path: str | None, variables: dict[str, Any]) -> dict[str, Any]:
    """Return a node's answer to `read` (module_utils/node/encryption.py); it holds keys.

    Raises EncryptionError where it can't be read, RemoteError.
    """
    found = ask(action, {"do": "read", "path": path}, variables)
    return found if found["encryption"] == "read" else {**found, "text": None}


def ask(
    action: ActionBase, question: dict[str, Any], variables: dict[str, Any], seconds: int = _SECONDS
) -> dict[str, Any]:
    """Return what a node answers about its encryption. Raises EncryptionError for `unknown`, RemoteError."""
    found = run_on_node(action, "encryption", question, variables, seconds)
    if found["encryption"] == "unknown":
        raise EncryptionError(str(found["reason"]))
    return found


def hand_over_text(host: str, found: dict[str, Any]) -> None:
    """Keep what a host's configuration says for a later task of this playbook. Raises OSError, ValueError."""
    in_memory.write(_name(host), json.dumps({"text": found["text"]}).encode("ascii"))


def handed_texts(hosts: list[str]) -> dict[str, str | None]:
    """Return what was handed over for each host. Raises EncryptionError where one has none; OSError."""
    directory = in_memory.directory()
    missing = [host for host in hosts if not (directory / _name(host)).exists()]
    if missing:
        raise EncryptionError(
            f"{', '.join(missing)} has no encryption_settings: all control planes have, or none"
        )
    return {host: json.loads((directory / _name(host)).read_bytes())["text"] for host in hosts}


def hand_over_key(key: Key) -> None:
    """Keep the key for later tasks of this playbook. Raises OSError, ValueError."""
    in_memory.write(_KEY, json.dumps(key._asdict()).encode("ascii"))


def handed_key() -> Key:
    """Return the key of this playbook. Raises EncryptionError where none was handed over; OSError."""
    path = in_memory.directory() / _KEY
    if not path.exists():
        raise EncryptionError("no key was chosen: cksharden.node.encryption_key does so first")
    return Key(**json.loads(path.read_bytes()))


def _name(host: str) -> str:
    return f"encryption-{hashlib.sha256(host.encode()).hexdigest()}"
