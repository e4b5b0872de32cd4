# SPDX-License-Identifier: GPL-3.0-or-later
"""Take and give back the lock of a cluster; see the module of the same name for its use."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line
from ansible_collections.cksharden.node.plugins.plugin_utils.controller import holder, runs_here, told
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, run_on_node
from ansible_collections.cksharden.node.plugins.plugin_utils.transaction import BEGIN_SECONDS, run_of

_FACT = "cksharden_lock"
_SECONDS = 30


class ActionModule(ActionBase):  # type: ignore[misc]
    """Ask a control plane for the Lease, or a node whether a transaction of it is open."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("state", "run", "optional"))
    _supports_check_mode = False
    _supports_async = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of the lock in `cksharden`, and as a fact for the tasks that follow."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        # The parent of every worker is ansible-playbook: as long as it lives, nodes may be changed.
        self._own = holder(run_of(self._variables), os.getppid())
        self._process = [self._own["boot"], self._own["pid"], self._own["start"]]
        self._node = str(self._task.delegate_to or self._variables["inventory_hostname"])
        ways = {
            "present": self._take,
            "absent": self._give_back,
            "idle": self._see_idle,
            "decided": self._decide,
        }
        self._state = str(self._task.args.get("state"))
        if self._state not in ways:
            return _failed("bad_request", f"state is {self._state}, not one of {', '.join(ways)}")
        try:
            return ways[self._state]()
        except RemoteError as error:
            return self._not_asked(error.reason)
        except AnsibleConnectionFailure as error:
            return self._not_asked(one_line(str(error)))

    def _take(self) -> dict[str, Any]:
        wanted = {"do": "take", "holder": self._own}
        answer = self._ask("cluster_lock", wanted, _SECONDS)
        gone = answer["lock"] == "held" and runs_here(answer["holder"], self._own) is False
        if gone:
            left = told(answer["holder"])
            answer = self._ask("cluster_lock", {**wanted, "over": answer["version"]}, _SECONDS)
        if answer["lock"] != "taken":
            return self._not_taken(answer)
        if not gone:
            return self._settled("taken")
        return self._settled("taken_over", f"{left} left the lock and has ended: taken over")

    def _give_back(self) -> dict[str, Any]:
        run = self._task.args.get("run")
        if run is not None:  # somebody else's
            found = self._ask("cluster_lock", {"do": "look"}, _SECONDS).get("holder")
            if found and found["run"] == str(run) and runs_here(found, self._own):
                return _failed("held", f"{told(found)} is still at work on this machine", holder=found)
        answer = self._ask("cluster_lock", {"do": "give_back", "run": str(run or self._own["run"])}, _SECONDS)
        if answer["lock"] == "removed":
            return self._settled("removed", f"removed the lock of {told(answer['holder'])}")
        if answer["lock"] == "absent":
            return self._settled("absent", "there is no lock")
        return self._not_taken(answer)

    def _see_idle(self) -> dict[str, Any]:
        still_open = self._ask("recover", {}, BEGIN_SECONDS)["open"]
        return _failed("busy", f"{self._node}: {still_open}") if still_open else {"changed": False}

    def _decide(self) -> dict[str, Any]:
        """Say what follows where no control plane could be asked."""
        if self._earlier().get("lock"):
            return {"changed": False}
        unasked = self._earlier().get("unasked")
        if not unasked:
            return self._settled(
                "none", "the inventory names no control plane: there is no lock of the cluster"
            )
        reason = f"no control plane can be asked for the cluster's lock: {'; '.join(unasked)}"
        if self._optional():
            return self._settled("without", f"{reason}. The nodes' own journals alone guard them")
        return _failed("unknown", reason)

    def _optional(self) -> bool:
        return bool(boolean(self._task.args.get("optional", False)))

    def _earlier(self) -> dict[str, Any]:
        """Return the fact of an earlier task; a fact cache may hold that of another run."""
        fact = self._variables.get(_FACT) or {}
        return fact if fact.get("process") == self._process else {}

    def _ask(self, entry: str, payload: dict[str, Any], seconds: int) -> dict[str, Any]:
        variables = self._variables
        if self._task.delegate_to:
            variables = variables["ansible_delegated_vars"][self._task.delegate_to]
        return run_on_node(self, entry, payload, variables, seconds)

    def _not_taken(self, answer: dict[str, Any]) -> dict[str, Any]:
        if answer["lock"] == "unknown":
            return self._not_asked(answer["reason"])
        message = f"{told(answer['holder'])} holds the lock of this cluster"
        if self._state == "absent" and self._optional():
            return self._settled("lost", f"{message}: somebody removed that of this run")
        return _failed("held", message, holder=answer["holder"])

    def _not_asked(self, reason: str) -> dict[str, Any]:
        """Leave it to the next control plane; of a node's transactions nobody else knows."""
        if self._state == "idle":
            return _failed(
                "busy", f"{self._node} can't be asked whether a transaction is open there: {reason}"
            )
        unasked = [*self._earlier().get("unasked", ()), f"{self._node}: {reason}"]
        fact = {"process": self._process, "unasked": unasked}
        return {"changed": False, "msg": unasked[-1], "ansible_facts": {_FACT: fact}}

    def _settled(self, lock: str, message: str = "") -> dict[str, Any]:
        if lock in ("none", "without", "taken_over", "lost"):
            self._display.warning(message)
        fact = {"process": self._process, "lock": lock}
        answer = {"lock": lock, "message": message}
        return {"changed": False, "msg": message, "cksharden": answer, "ansible_facts": {_FACT: fact}}


def _failed(lock: str, message: str, **more: Any) -> dict[str, Any]:
    answer = {"lock": lock, "message": message, **more}
    return {"failed": True, "changed": False, "msg": message, "cksharden": answer}
