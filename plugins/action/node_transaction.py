# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a node by a transaction of its own; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.module_utils.node.static_pod_settings import STATIC_PODS
from ansible_collections.cksharden.node.plugins.plugin_utils import planned
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import CONFIG_DIR
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect
from ansible_collections.cksharden.node.plugins.plugin_utils.rendered_ahead import check_ahead
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import (
    carry_out,
    gate_of,
    refuse_open,
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
        refuse_open(self, sections, variables)
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
        wanted = transaction(role, run, str(variables["inventory_hostname"]), changes, gate)
        return {**carry_out(self, wanted, gate, files, variables), **extra}

    def _settings(self, role: str, variables: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the role's list of settings.

        What comes from a plan is taken as it is: a path in it may be text of a node that looks like
        a template. A list that the user wrote may well be one.
        """
        settings = variables.get(f"{role}_settings") or []
        if "cksharden_plan" not in variables:
            settings = self._templar.template(settings)
        return list(settings)
