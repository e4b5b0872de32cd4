# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a node's encryption a round further; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils import encryption_task, planned
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import EncryptionError
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import (
    ROUNDS,
    encryption_changes,
    role_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import (
    carry_out,
    gate_of,
    result,
    run_of,
    transaction,
)


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read the node's configuration, and have the node write the next one."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("round", "gate_limit"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the outcome of the round's transaction, "nothing" where all is as wanted already."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        number = int(self._task.args["round"])
        answer = {"role": role_of(number), "run": run_of(variables), "outcome": "refused"}
        try:
            return self._change(number, answer, variables)
        except RemoteError as error:
            return error.result
        except (EncryptionError, OSError, ValueError) as reason:
            return result({**answer, "reason": str(reason)}, [])

    def _change(self, number: int, answer: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        wanted = encryption_task.settings_of(self, variables)[0]
        found = encryption_task.read(self, wanted["path"], variables)
        text = ROUNDS[number](found["text"], wanted["resource"], encryption_task.handed_key())
        changes = encryption_changes(found, text)
        files = planned.files_of(changes["changes"])
        nothing = {**answer, "outcome": "nothing", "reason": "all is as wanted already"}
        if not files:
            return result(nothing, [])
        if self._task.check_mode:
            return {**result({**nothing, "reason": "check mode"}, files), "changed": True}
        gate = gate_of(self._task.args)
        host = str(variables["inventory_hostname"])
        sent = transaction(answer["role"], answer["run"], host, changes, gate)
        return carry_out(self, sent, gate, files, variables)
