# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a run back on a node; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import agent_source
from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import absent_control_planes
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import ROUNDS, role_of
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, run_on_node
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import (
    Follower,
    gate_of,
    result,
    run_of,
)

_PREVIEW_SECONDS = 60
ENCRYPTING = tuple(role_of(number) for number in ROUNDS)
"""The roles that go back on all control planes or on none."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """Have the node put back what one role of a run changed."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("of", "role", "force", "run", "gate_window", "gate_limit"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the outcome of the rollback; known is false where the node keeps nothing of that run."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = self._task.args
        gate = gate_of(arguments)
        payload = {
            "of": str(arguments["of"]),
            "role": str(arguments["role"]),
            "run": run_of(variables, arguments),
            "host": str(variables["inventory_hostname"]),
            "force": boolean(arguments.get("force", False)),
            **gate,
        }
        try:
            if self._task.check_mode:
                return self._preview(payload, variables)
            return self._take_back(payload, gate, variables)
        except RemoteError as error:
            return error.result

    def _preview(self, payload: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        answer = run_on_node(self, "rollback_preview", payload, variables, _PREVIEW_SECONDS)
        if answer["open"]:
            reason = f"the transaction {payload['role']} of run {payload['of']} is still open on this node"
            return result({**_answer(payload, "refused", reason), "known": True}, [])
        files = [file for role in answer["roles"] for file in role["files"]]
        told = {**_answer(payload, "nothing", "check mode"), "known": answer["known"]}
        changed = any(file["status"] != "as_before" for file in files)
        return {**result(told, files), "changed": changed}

    def _take_back(
        self, payload: dict[str, Any], gate: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        absent = absent_control_planes(variables) if payload["role"] in ENCRYPTING else ""
        if absent and self._preview(payload, variables)["changed"]:
            reason = f"{absent} would go on writing by a key that is then gone: take all control planes back"
            return result(_answer(payload, "refused", reason), [])
        follower = Follower(self, variables)
        answer = follower.begin("rollback_begin", {**payload, "agent": agent_source()})
        if answer is None:
            return result(follower.follow(payload["role"], payload["run"], gate, surely_begun=False), [])
        files = answer["files"]
        if not answer["begun"]:
            # That a node keeps nothing of the run is for the caller to judge: another one may have it.
            nothing = answer["nothing"] or not answer["known"]
            told = _answer(payload, "nothing" if nothing else "refused", answer["reason"])
            return result({**told, "known": answer["known"]}, files)
        return result(follower.follow(payload["role"], payload["run"], gate, surely_begun=True), files)


def _answer(payload: dict[str, Any], outcome: str, reason: str) -> dict[str, Any]:
    return {"role": payload["role"], "run": payload["run"], "outcome": outcome, "reason": reason}
