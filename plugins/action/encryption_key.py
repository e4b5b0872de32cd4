# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose one key for all control planes; see the module of the same name for its use."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils import encryption_task, in_memory
from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import ConfigurationError
from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import unlisted_control_planes
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import (
    KEYED,
    EncryptionError,
    Key,
    known_key,
    readers,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import role_of
from ansible_collections.cksharden.node.plugins.plugin_utils.key_names import new_name
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import result, run_of

_BYTES = 32


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read what each control plane has, choose or make the key, see that each has it, forget it."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("state",))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return that it is done, and never anything of a key but its name."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        ways = {
            "read": self._read,
            "chosen": self._choose,
            "loaded": self._see_loaded,
            "absent": self._forget,
        }
        state = str(self._task.args.get("state"))
        if state not in ways:
            message = f"state is {state}, not one of {', '.join(ways)}"
            return {"failed": True, "changed": False, "msg": message}
        try:
            return {"changed": False, "msg": ways[state](variables)}
        except RemoteError as error:
            return error.result
        except (ConfigurationError, EncryptionError, OSError, ValueError) as reason:
            role = role_of(2 if state == "loaded" else 1)
            refused = {"role": role, "run": run_of(variables), "outcome": "refused", "reason": str(reason)}
            return result(refused, [])

    def _read(self, variables: dict[str, Any]) -> str:
        wanted = encryption_task.settings_of(self, variables)[0]
        found = encryption_task.read(self, wanted["path"], variables)
        encryption_task.hand_over_text(str(variables["inventory_hostname"]), found)
        return f"{wanted['path']} is {found['encryption']}"

    def _choose(self, variables: dict[str, Any]) -> str:
        hosts = [str(host) for host in variables["ansible_play_hosts"]]
        planes = (variables["groups"].get("kube_control_plane") or []) if variables.get("groups") else []
        missing = [str(host) for host in planes if _is_left_out(host, hosts, variables)]
        if missing:
            raise EncryptionError(
                f"{', '.join(missing)} would not know the key: encryption takes in all control planes or none"
            )
        unlisted = unlisted_control_planes(self, variables)
        if unlisted:
            raise EncryptionError(
                f"the cluster's control planes are {unlisted}, and the inventory has fewer: "
                "whichever it lacks would not know the key"
            )
        wanted = encryption_task.settings_of(self, variables)[0]
        texts = encryption_task.handed_texts(hosts)
        known = known_key(texts, wanted["resource"], wanted["provider"])
        if known is not None and wanted.get("rotation") != "begin":
            encryption_task.hand_over_key(known)
            return f"the key is {known.name}, which is there already"
        provider = known.provider if known else str(wanted["provider"])
        if provider not in KEYED:
            raise EncryptionError(f"provider is {provider}, not one of {', '.join(KEYED)}")
        new = Key(provider, new_name(known and known.name), _secret())
        encryption_task.hand_over_key(new)
        return f"the key {new.name} is new"

    def _see_loaded(self, variables: dict[str, Any]) -> str:
        """See that the API server of a node can read by the key, before another one writes by it."""
        wanted = encryption_task.settings_of(self, variables)[0]
        key = encryption_task.handed_key()
        found = encryption_task.read(self, wanted["path"], variables)
        if readers(found["text"], wanted["resource"]).get(key.beginning) != key:
            raise EncryptionError(f"{wanted['path']} does not hold the key {key.name}")
        if found["named"] != found["path"] or not found["reloads"]:
            raise EncryptionError(f"the API server's manifest does not have it read {wanted['path']} again")
        loaded = encryption_task.ask(self, {"do": "loaded"}, variables)["hash"]
        if loaded != found["digest"]:
            raise EncryptionError(f"the API server has not loaded what {wanted['path']} says")
        return f"the API server reads by the key {key.name}"

    def _forget(self, _variables: dict[str, Any]) -> str:
        in_memory.remove()
        return "nothing of a key is left on this machine"


def _is_left_out(host: str, hosts: list[str], variables: dict[str, Any]) -> bool:
    """Tell whether a host of the group may be a control plane that does not take part.

    One that is in the inventory and not in the cluster yet has said so itself.
    """
    return host not in hosts and variables["hostvars"][host].get("cksharden_node_kind") != "none"


def _secret() -> str:
    """Return a key by the randomness of this machine's operating system."""
    return base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")
