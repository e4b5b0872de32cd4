# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect everything about a node in one remote execution; see the module of the same name for its use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import (
    RequestError,
    check_request,
    envelope,
    kind_of,
    write_facts,
    write_inventory,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the collector on the node and spool what it brings to a file of the controller."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("request", "facts_dir"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the path of the facts file, or the facts as a JSON string where no directory is given.

        What came from the node is never returned as data: Ansible is slow with it.
        """
        super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            # Taken as they are, not templated: the runner passes paths, and a path is no template.
            request = self._request(variables)
            if "cksharden_inventory" in variables:
                write_inventory(Path(str(variables["cksharden_inventory"])), variables["groups"])
            sections = collect(self, request, variables)
        except RemoteError as error:
            return _failure(error.kind, error.reason)
        except (RequestError, OSError) as error:
            return _failure("bad_request", str(error))
        host = str(variables["inventory_hostname"])
        facts = envelope(host, variables.get("group_names", []), sections)
        kind = kind_of(sections)
        directory = self._task.args.get("facts_dir", variables.get("cksharden_facts_dir"))
        if directory is None:
            return {"changed": False, "cksharden": {"kind": kind, "facts": json.dumps(facts)}}
        try:
            path = write_facts(Path(str(directory)), host, facts)
        except OSError as error:
            return _failure("not_written", f"the facts could not be written: {error}")
        return {"changed": False, "cksharden": {"kind": kind, "path": str(path)}}

    def _request(self, variables: dict[str, Any]) -> dict[str, Any]:
        request = self._task.args.get("request", variables.get("cksharden_request"))
        if request is None:
            request = {"schema": "1.0", "files": []}
        elif isinstance(request, str):
            request = json.loads(Path(request).read_text("utf-8"))
        if isinstance(request, dict) and request.get("patches_dir") is None:
            request = {**request, "patches_dir": self._patches_dir(variables)}
        return check_request(request)

    def _patches_dir(self, variables: dict[str, Any]) -> Any:
        """Return the directory of kubeadm's patches, None where the inventory does not say it.

        It has Kubespray's name, and there it is a template of variables that its roles may define.
        """
        try:
            return self._templar.template(variables.get("kubeadm_patches_dir"))
        except AnsibleUndefinedVariable:
            return None


def _failure(kind: str, message: str) -> dict[str, Any]:
    return {
        "failed": True,
        "changed": False,
        "msg": message,
        "cksharden": {"error": kind, "message": message},
    }
