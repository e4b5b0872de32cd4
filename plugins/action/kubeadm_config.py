# SPDX-License-Identifier: GPL-3.0-or-later
"""Have kubeadm keep what the manifests say; see the module of the same name for its use."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    ConfigurationError,
    kept_settings,
    with_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, run_on_node

_SECONDS = 30


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read kubeadm-config through a control plane, change it, and write it if nobody else has."""

    TRANSFERS_FILES = False
    _VALID_ARGS: frozenset[str] = frozenset()
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return whether kubeadm-config was changed, or would be."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        settings = variables.get("static_pods_settings") or []
        if "cksharden_plan" not in variables:
            settings = self._templar.template(settings)
        try:
            return self._change(list(settings), variables)
        except (ConfigurationError, RemoteError) as reason:
            return _told(failed=True, message=str(reason))

    def _change(self, settings: list[dict[str, Any]], variables: dict[str, Any]) -> dict[str, Any]:
        request = check_request({"schema": "1.0", "files": []})
        seconds = request["limits"]["seconds"]
        section = run_on_node(self, "collector", request, variables, seconds)["sections"].get(
            "static_pods", {}
        )
        if section.get("status") != "ok":
            raise ConfigurationError(f"the node's static pods are not known: {section.get('reason')}")
        items = kept_settings(section["data"], settings)
        # Its text passes through this process alone: it may hold secrets, so it is in no result.
        found = run_on_node(self, "kubeadm_config", {"do": "read"}, variables, _SECONDS)
        if found["config"] != "read":
            raise ConfigurationError(f"kubeadm-config can't be read: {found['reason']}")
        text = with_settings(found["text"], items)
        if text == found["text"]:
            return _told(message="kubeadm-config holds everything already")
        if self._task.check_mode:
            return _told(changed=True, message="kubeadm-config would change")
        wanted = {"do": "write", "version": found["version"], "text": text}
        answer = run_on_node(self, "kubeadm_config", wanted, variables, _SECONDS)
        if answer["config"] == "moved":
            raise ConfigurationError("somebody changed kubeadm-config meanwhile: nothing was written")
        if answer["config"] != "written":
            raise ConfigurationError(f"kubeadm-config can't be written: {answer['reason']}")
        return _told(changed=True, message="kubeadm-config was changed")


def _told(*, message: str, changed: bool = False, failed: bool = False) -> dict[str, Any]:
    config = "failed" if failed else "changed" if changed else "kept"
    return {"failed": failed, "changed": changed, "msg": message, "cksharden": {"config": config}}
