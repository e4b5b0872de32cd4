# SPDX-License-Identifier: GPL-3.0-or-later
"""Take out of kubeadm-config what a run has put there; see the module of the same name for its use."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import ConfigurationError
from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import (
    absent_control_planes,
    kept_config,
    read_config,
    write_config,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.configuration_back import Back, taken_back
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import run_of

_PATIENCE = 60
"""Seconds for an API server whose manifest has just come back."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """Put kubeadm-config back as it was before a run, as far as nobody has changed it since."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("of", "force", "optional"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of it: see the module."""
        super().run(tmp, task_vars)
        variables, arguments = task_vars or {}, self._task.args
        of, force = str(arguments["of"]), boolean(arguments.get("force", False))
        # A first try comes before the nodes change, and a node must go back whatever becomes of this.
        optional = boolean(arguments.get("optional", False))
        try:
            kept = kept_config(self, of, variables)
            absent = absent_control_planes(variables)
            if absent and (kept["config"] == "kept" or kept["known"]):
                # They go on with what it says, and would lose it at their next upgrade.
                why = f"kubeadm-config stays as it is: it speaks for {absent} as well, not of this rollback"
                return _told("stays", why)
            if kept["config"] == "none":
                return _told("none", f"this node keeps no kubeadm-config of run {of}")
            return self._take_back(of, kept, variables, force=force, optional=optional)
        except (ConfigurationError, RemoteError, AnsibleConnectionFailure) as reason:
            why = f"kubeadm-config still holds what run {of} has put there: {reason}"
            return _told("later" if optional else "failed", why)

    def _take_back(
        self, of: str, kept: dict[str, Any], variables: dict[str, Any], *, force: bool, optional: bool
    ) -> dict[str, Any]:
        preview = self._task.check_mode
        found = self._read(variables, 0 if optional or preview else _PATIENCE)
        if found["config"] != "read":
            if preview:  # what the run has put there is known all the same
                back = taken_back(kept["after"], kept["before"], kept["after"], force=force)
                return _told("later", f"it can't be read now: {found['reason']}", back)
            raise ConfigurationError(f"it can't be read: {found['reason']}")
        back = taken_back(found["text"], kept["before"], kept["after"], force=force)
        message = "kubeadm-config is as it was before"
        if back.text != found["text"]:
            message = "kubeadm-config is put back as it was before"
            if not preview:
                write_config(self, found, back.text, {"run": run_of(variables), "of": of}, variables)
        if back.left:
            names = ", ".join(back.left)
            message = f"changed in kubeadm-config since run {of}, so not overwritten without --force: {names}"
        config = "back" if back.text != found["text"] else "as_before"
        return _told("failed" if back.left and not (optional or preview) else config, message, back)

    def _read(self, variables: dict[str, Any], patience: float) -> dict[str, Any]:
        """Return what kubeadm-config says, once the API server answers."""
        deadline = time.monotonic() + patience
        while True:
            found = read_config(self, variables)
            if found["config"] == "read" or time.monotonic() > deadline:
                return found
            time.sleep(2)


def _told(config: str, message: str, back: Back | None = None) -> dict[str, Any]:
    told = {"goes": back.goes, "left": back.left} if back else {"goes": [], "left": []}
    return {
        "failed": config == "failed",
        "changed": config == "back",
        "msg": message,
        "cksharden": {"config": config, **told, "reason": message},
    }
