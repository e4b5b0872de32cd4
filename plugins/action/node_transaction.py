# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a node by a transaction of its own; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.module_utils.node.static_pod_settings import STATIC_PODS
from ansible_collections.cksharden.node.plugins.plugin_utils import planned
from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import agent_source
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import CONFIG_DIR
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect, run_on_node
from ansible_collections.cksharden.node.plugins.plugin_utils.rendered_ahead import check_ahead
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import (
    BEGIN_SECONDS,
    Follower,
    gate_of,
    result,
    run_of,
    transaction,
)


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read the node, work out what has to change, and have the node change it."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("role", "config_dir", "gate_window", "gate_etcd_window", "gate_limit", "run"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the outcome of the transaction, "nothing" where all is as wanted already."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = self._task.args
        role = str(arguments.get("role"))
        run = run_of(variables, arguments)
        self._host = str(variables["inventory_hostname"])
        try:
            if role not in planned.ROLES:
                raise planned.NotPlannedError(f"role is {role}, not one of {', '.join(planned.ROLES)}")
            if role in planned.RESTARTING:
                planned.check_batch(variables, str(self._task.get_play().strategy))
            return self._change(role, run, variables)
        except planned.NotPlannedError as reason:
            return result({"role": role, "run": run, "outcome": "refused", "reason": str(reason)}, [])
        except RemoteError as error:
            return error.result

    def _change(self, role: str, run: str, variables: dict[str, Any]) -> dict[str, Any]:
        settings = self._settings(role, variables)
        request = check_request(planned.request(role, settings))
        sections = collect(self, request, variables)
        if planned.has_open_transaction(sections):
            # Half changed files are no ground for a plan, and its agent may be gone.
            told = run_on_node(self, "recover", {}, variables, BEGIN_SECONDS)["open"]
            if told:
                raise planned.NotPlannedError(told)
        config_dir = str(self._task.args.get("config_dir") or CONFIG_DIR)
        changes = planned.changes_of(role, settings, sections, config_dir)
        files = planned.files_of(changes["changes"])
        nothing = {"role": role, "run": run, "outcome": "nothing", "reason": "all is as wanted already"}
        if not files:
            return result(nothing, [])
        extra = {"diff": planned.diffs_of(changes["changes"], sections)} if self._task.diff else {}
        if self._task.check_mode:
            return {**result({**nothing, "reason": "check mode"}, files), "changed": True, **extra}
        if role == STATIC_PODS:
            check_ahead(self, sections, settings, changes, variables)
        gate = gate_of(self._task.args)
        wanted = transaction(role, run, self._host, changes, gate)
        return {**self._transact(wanted, gate, files, variables), **extra}

    def _settings(self, role: str, variables: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the role's list of settings.

        What comes from a plan is taken as it is: a path in it may be text of a node that looks like
        a template. A list that the user wrote may well be one.
        """
        settings = variables.get(f"{role}_settings") or []
        if "cksharden_plan" not in variables:
            settings = self._templar.template(settings)
        return list(settings)

    def _transact(
        self,
        wanted: dict[str, Any],
        gate: dict[str, Any],
        files: list[dict[str, Any]],
        variables: dict[str, Any],
    ) -> dict[str, Any]:
        role, run = wanted["role"], wanted["run"]
        follower = Follower(self, variables, lambda told: self._display.v(f"{self._host}: {told}"))
        answer = follower.begin("begin", {"transaction": wanted, "agent": agent_source()})
        if answer is not None and not answer["begun"]:
            refused = {"role": role, "run": run, "outcome": "refused", "reason": answer["reason"]}
            return result(refused, files)
        for told in answer["raised"] if answer else ():
            self._display.warning(f"{self._host}: {told}")
        return result(follower.follow(role, run, gate, surely_begun=answer is not None), files)
