# SPDX-License-Identifier: GPL-3.0-or-later
"""Place the files that kubeadm-config names on a machine; see the module of the same name for its use."""

from __future__ import annotations

import json
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line
from ansible_collections.cksharden.node.plugins.plugin_utils import in_memory, kubeadm_files, planned
from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import ConfigurationError
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request, kind_of
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, collect, run_on_node
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import (
    carry_out,
    refuse_open,
    result,
    run_of,
    transaction,
)

ROLE = "prepare"
_FACT = "cksharden_kubeadm_files"
_FILE = "kubeadm_files.json"
_SECONDS = 30
_DEPTH = 3
"""How far files that name files are followed."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """Bring the files from a control plane into memory, or take them from there to a machine."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("state", "run"))
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was placed, or would be: paths and attributes, never a content."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        ways = {"read": self._read, "present": self._place, "forgotten": self._forget}
        state = str(self._task.args.get("state"))
        if state not in ways:
            return {"failed": True, "msg": f"state is {state}, not one of {', '.join(ways)}"}
        if constants.DEFAULT_DEBUG:
            reason = "ANSIBLE_DEBUG has Ansible log what nodes answer, and that may hold keys: unset it"
            return _refused(run_of(self._variables, self._task.args), reason)
        return ways[state]()

    # ---------------------------------------------------------------- at a control plane

    def _read(self) -> dict[str, Any]:
        """Leave it to the next control plane where this one can't tell."""
        source = str(self._task.delegate_to or self._variables["inventory_hostname"])
        variables = self._variables
        if self._task.delegate_to:
            variables = variables["ansible_delegated_vars"][self._task.delegate_to]
        try:
            whole = {"source": source, **self._brought(variables)}
            in_memory.write(_FILE, json.dumps(whole).encode("ascii"))
        except (AnsibleConnectionFailure, ConfigurationError, RemoteError, OSError, ValueError) as reason:
            earlier = (self._variables.get(_FACT) or {}).get("unasked", [])
            unasked = [*earlier, f"{source}: {one_line(str(reason))}"]
            return {"changed": False, "msg": unasked[-1], "ansible_facts": {_FACT: {"unasked": unasked}}}
        count = len(whole["wanted"])
        return {
            "changed": False,
            "msg": f"{source} has {count} of the files and directories that kubeadm-config names",
            "cksharden": {"source": source},
            "ansible_facts": {_FACT: {"source": source}},
        }

    def _brought(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return wanted ({path: entry with content}) and notes; they pass through this process alone."""
        found = run_on_node(self, "kubeadm_config", {"do": "read"}, variables, _SECONDS)
        if found["config"] != "read":
            raise ConfigurationError(f"kubeadm-config can't be read: {found['reason']}")
        config = kubeadm_files.named(found["text"])
        ours = [path for path in config.files if kubeadm_files.is_placed(path, config)]
        wanted = self._with_content(ours, variables)
        for path, entry in wanted.items():
            if not entry["exists"] and path not in config.made:
                raise ConfigurationError(f"it has no {path}, which {config.files[path]} names")
        wanted = {path: entry for path, entry in wanted.items() if entry["exists"]}
        self._follow(wanted, config, variables)
        for path, entry in wanted.items():
            if entry["error"]:
                raise ConfigurationError(f"{path}: {entry['error']}")
        above = kubeadm_files.directories(list(wanted)) if wanted else []
        wanted.update(self._look([path for path in above if path not in wanted], variables))
        others = {path: by for path, by in config.files.items() if not path.startswith("/etc/kubernetes/")}
        elsewhere = self._look(list(others), variables)
        return {"wanted": wanted, "notes": kubeadm_files.notes(others, elsewhere, config)}

    def _follow(self, wanted: dict[str, Any], config: kubeadm_files.Named, variables: dict[str, Any]) -> None:
        """Add the files that files name in their turn."""
        fresh = dict(wanted)
        for _depth in range(_DEPTH):
            texts = {path: entry["content"] for path, entry in fresh.items() if "content" in entry}
            more = {
                each
                for path, text in texts.items()
                for each in kubeadm_files.further(path, text, config)
                if each not in wanted
            }
            fresh = {
                path: entry
                for path, entry in self._with_content(sorted(more), variables).items()
                if entry["type"] == "file"
            }
            wanted.update(fresh)

    def _with_content(self, paths: list[str], variables: dict[str, Any]) -> dict[str, Any]:
        return self._look(paths, variables, content=True)

    def _look(self, paths: list[str], variables: dict[str, Any], *, content: bool = False) -> dict[str, Any]:
        if not paths:
            return {}
        payload = {"paths": paths, "content": content}
        files: dict[str, Any] = run_on_node(self, "named_files", payload, variables, _SECONDS)["files"]
        return files

    # ---------------------------------------------------------------- at the machine

    def _place(self) -> dict[str, Any]:
        run = run_of(self._variables, self._task.args)
        unasked = (self._variables.get(_FACT) or {}).get("unasked", [])
        try:
            whole = json.loads((in_memory.directory() / _FILE).read_text("ascii"))
            return self._placed(whole, run)
        except FileNotFoundError:
            told = "; ".join(unasked) or "there is none in the inventory beside this machine"
            return _refused(run, f"no control plane told which files kubeadm-config names ({told})")
        except in_memory.NoMemoryError as reason:
            return _refused(run, str(reason))
        except planned.NotPlannedError as reason:
            return _refused(run, str(reason))
        except RemoteError as error:
            return error.result

    def _placed(self, whole: dict[str, Any], run: str) -> dict[str, Any]:
        source, wanted = whole["source"], whole["wanted"]
        sections = collect(self, check_request({"schema": "1.0", "files": []}), self._variables)
        there = self._look(list(wanted), self._variables)
        serves = kind_of(sections) == "control_plane"
        placed = kubeadm_files.placed(wanted, there, serves=serves)
        files = [kubeadm_files.told(one, there[one.path]) for one in placed]
        more = {"source": source, "notes": whole["notes"]}
        refuse_open(self, sections, self._variables)
        changes = kubeadm_files.changes(placed, there)
        if self._task.check_mode:
            answer = _answer(run, "nothing", "check mode")
            return {**result({**answer, **more}, files), "changed": bool(changes)}
        others = [f"{one.path}: {one.reason}" for one in placed if one.status == "conflict"]
        if others:
            return _refused(run, f"{'; '.join(others)}: it is not overwritten", files)
        if not changes:
            return result({**_answer(run, "nothing", "every file is there already"), **more}, files)
        host = str(self._variables["inventory_hostname"])
        told = {"changes": changes, "daemon_reload": False, "restart": None}
        done = carry_out(self, transaction(ROLE, run, host, told, {}), {}, files, self._variables)
        return {**done, "cksharden": {**done["cksharden"], **more}}

    def _forget(self) -> dict[str, Any]:
        in_memory.remove()
        return {"changed": False}


def _answer(run: str, outcome: str, reason: str) -> dict[str, Any]:
    return {"role": ROLE, "run": run, "outcome": outcome, "reason": reason}


def _refused(run: str, reason: str, files: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return result(_answer(run, "refused", reason), files or [])
