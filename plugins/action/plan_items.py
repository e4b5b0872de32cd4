# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand a host its part of a plan; see the module of the same name for its use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request, kind_of
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import PLANNED
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import run_of

FORMAT = "cksharden-plan"
MAJOR = "1"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Return the settings of a host as facts, which Ansible never templates."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("plan",))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the host's `<role>_settings` and its kind; without a plan its kind, as the node says it."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        plan = self._task.args.get("plan", variables.get("cksharden_plan"))
        try:
            facts = self._from_node(variables) if plan is None else _from_plan(Path(str(plan)), variables)
        except RemoteError as error:
            return error.result
        except (OSError, ValueError, KeyError) as error:
            return {"failed": True, "changed": False, "msg": f"{plan} is no plan of ours: {error}"}
        return {"changed": False, "msg": f"run {run_of(variables)}", "ansible_facts": facts}

    def _from_node(self, variables: dict[str, Any]) -> dict[str, Any]:
        request = check_request({"schema": "1.0", "files": []})
        sections = collect(self, request, variables)
        leads = ((sections.get("static_pods") or {}).get("data") or {}).get("leads_etcd")
        return {"cksharden_node_kind": kind_of(sections), "cksharden_position": int(leads is True)}


def _from_plan(path: Path, variables: dict[str, Any]) -> dict[str, Any]:
    plan = json.loads(path.read_text("utf-8"))
    if plan.get("format") != FORMAT or str(plan.get("schema", "")).partition(".")[0] != MAJOR:
        raise ValueError(f"its format is {plan.get('format')!r}, schema {plan.get('schema')!r}")
    name = str(variables["inventory_hostname"])
    host = plan["hosts"].get(name)
    if host is None:
        nothing: dict[str, Any] = {f"{role}_settings": [] for role in PLANNED}
        return {"cksharden_node_kind": "none", "cksharden_position": 0, **nothing}
    places = [number for number, batch in enumerate(plan.get("order") or ()) if name in batch]
    settings = {f"{role}_settings": host["settings"].get(f"{role}_settings", []) for role in PLANNED}
    if host["kind"] not in ("control_plane", "worker"):
        raise ValueError(f"a host's kind is {host['kind']!r}")
    return {
        "cksharden_node_kind": host["kind"],
        "cksharden_position": places[0] if places else 0,
        **settings,
    }
