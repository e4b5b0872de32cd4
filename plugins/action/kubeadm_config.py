# SPDX-License-Identifier: GPL-3.0-or-later
"""Have kubeadm keep what the manifests say; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    ConfigurationError,
    with_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import (
    absent_control_planes,
    read_config,
    unlisted_control_planes,
    write_config,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from ansible_collections.cksharden.node.plugins.plugin_utils.kept_settings import (
    common_settings,
    declared_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import run_of

FACT = "cksharden_declared_settings"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Tell what this control plane has, or write what all of them have."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("state",))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return whether kubeadm-config was changed, or would be, and what it does not get."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            if self._task.args.get("state", "present") == "declared":
                return self._declared(variables)
            return self._present(variables)
        except (ConfigurationError, RemoteError) as reason:
            return _told("failed", str(reason))

    def _declared(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return as a fact how this control plane has what any of them was asked to have."""
        wanted = [
            setting
            for host in variables["ansible_play_hosts"]
            for setting in variables["hostvars"][host].get("static_pods_settings") or ()
        ]
        found: list[dict[str, Any]] = []
        if wanted:
            section = collect(self, check_request({"schema": "1.0", "files": []}), variables).get(
                "static_pods", {}
            )
            if section.get("status") != "ok":
                raise ConfigurationError(f"the node's static pods are not known: {section.get('reason')}")
            found = declared_settings(section["data"], wanted)
        return {"changed": False, "ansible_facts": {FACT: found}}

    def _present(self, variables: dict[str, Any]) -> dict[str, Any]:
        there = {str(host): variables["hostvars"][host].get(FACT) for host in variables["ansible_play_hosts"]}
        if not any(there.values()):
            return _told("kept", "kubeadm-config is not asked to hold anything")
        absent = absent_control_planes(variables)
        if absent:
            # One that --limit left out may lack a file that it would name.
            reason = f"kubeadm-config stays as it is: it speaks for {absent} as well, not of this run"
            return _told("kept", reason, [reason])
        planes = unlisted_control_planes(self, variables)
        if planes:
            reason = f"kubeadm-config stays as it is: it speaks for {planes}, and the inventory has fewer"
            return _told("kept", reason, [reason])
        items, left_out = common_settings({host: some or [] for host, some in there.items()})
        # Its text passes through this process alone: it may hold secrets, so it is in no result.
        found = read_config(self, variables)
        if found["config"] != "read":
            raise ConfigurationError(f"kubeadm-config can't be read: {found['reason']}")
        text = with_settings(found["text"], items)
        left_out = [f"kubeadm-config does not get {one}" for one in left_out]
        if text == found["text"]:
            return _told("kept", "kubeadm-config holds everything already", left_out)
        if self._task.check_mode:
            return _told("changed", "kubeadm-config would change", left_out)
        write_config(self, found, text, {"run": run_of(variables)}, variables)
        return _told("changed", "kubeadm-config was changed", left_out)


def _told(config: str, message: str, left_out: list[str] | None = None) -> dict[str, Any]:
    """Return the result of a task."""
    return {
        "failed": config == "failed",
        "changed": config == "changed",
        "msg": message,
        "cksharden": {"config": config, "left_out": left_out or []},
    }
