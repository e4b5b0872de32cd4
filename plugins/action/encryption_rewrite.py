# SPDX-License-Identifier: GPL-3.0-or-later
"""Have what is stored written anew, and prove how; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils import encryption_task
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import EncryptionError, writer
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import result, run_of

_SECONDS = 1800


class ActionModule(ActionBase):  # type: ignore[misc]
    """Rewrite a resource by the API server of one node, and look at each value in etcd."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("resource",))
    _supports_check_mode = False
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return how many values there are and how each begins; failed where one begins otherwise."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        resource = str(self._task.args.get("resource") or "secrets")
        try:
            return self._rewrite(resource, variables)
        except RemoteError as error:
            return error.result
        except (EncryptionError, OSError, ValueError) as reason:
            return result({**_answer(variables, "incomplete"), "reason": str(reason)}, [])

    def _rewrite(self, resource: str, variables: dict[str, Any]) -> dict[str, Any]:
        found = encryption_task.read(self, None, variables)
        wanted = writer(found["text"], resource)
        question = {"resources": [resource]}
        done = encryption_task.ask(self, {"do": "rewrite", **question}, variables, _SECONDS)
        stored = encryption_task.ask(self, {"do": "prove", **question}, variables, _SECONDS)["providers"]
        others = {beginning: count for beginning, count in stored.items() if beginning != wanted}
        if others:
            told = ", ".join(f"{count} as {beginning}" for beginning, count in sorted(others.items()))
            raise EncryptionError(f"etcd holds {told}, where {wanted} is wanted")
        reason = f"{stored.get(wanted, 0)} {resource}, all stored as {wanted}; {done['written']} written anew"
        outcome = "committed" if done["written"] else "nothing"
        return result({**_answer(variables, outcome), "reason": reason}, [])


def _answer(variables: dict[str, Any], outcome: str) -> dict[str, Any]:
    return {"role": "encryption_rewrite", "run": run_of(variables), "outcome": outcome}
