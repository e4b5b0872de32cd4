# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction seen from the controller: what it is made of, and how it is begun and followed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cksharden.node.plugins.module_utils.node import (
    encryption_settings,
    static_pod_settings,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.gate import LIMIT, WINDOW
from ansible_collections.cksharden.node.plugins.module_utils.node.store import BASE
from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import agent_source
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import (
    NotPlannedError,
    has_open_transaction,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import RemoteError, run_on_node

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

Answer = dict[str, Any]
"""The `cksharden` value of a result, as the module node_transaction documents it."""

BEGIN_SECONDS = 90
_POLL = 15
"""Seconds that the node holds one question for news."""
_PATIENCE = 120
"""Seconds beyond the gate's own within which a node that can't be reached may come back."""


RUN = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
"""The run of a playbook that was given none. Ansible imports this before it forks: all hosts share it."""


def run_of(variables: Mapping[str, Any], arguments: Mapping[str, Any] | None = None) -> str:
    """Return the name of the run: what the task says, else what the playbook was given, else RUN."""
    return str((arguments or {}).get("run") or variables.get("cksharden_run") or RUN)


def gate_of(arguments: Mapping[str, Any]) -> dict[str, int]:
    """Return windows and limit of the gate in seconds, as far as a task says them."""
    named = {key: arguments.get(f"gate_{key}") for key in ("window", "etcd_window", "limit")}
    return {key: int(value) for key, value in named.items() if value}


def transaction(
    role: str, run: str, host: str, changes: dict[str, Any], gate: dict[str, int]
) -> dict[str, Any]:
    """Return the transaction that is sent to a node.

    changes: what kubelet_changes or file_changes returned. gate: what gate_of returned, for changes that
    restart something.
    """
    full = None
    if changes["restart"]:
        full = {**gate, **changes.get("gate", {"argv": changes.get("argv")})}
    return {
        "format": "cksharden-transaction",
        "schema": "1.0",
        "kind": "apply",
        "run": run,
        "role": role,
        "host": host,
        "changes": changes["changes"],
        "daemon_reload": changes["daemon_reload"],
        "restart": changes["restart"],
        "gate": full,
    }


class Follower:
    """Begins a transaction on one node and stays with it, also while the node can't be reached."""

    def __init__(self, action: ActionBase, variables: dict[str, Any]) -> None:
        self._action, self._variables = action, variables
        self._doubt = ""

    def begin(self, entry: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer of `begin` or `rollback_begin`; None where none came, so that it may be begun.

        Raises RemoteError for a node that can't have begun it.
        """
        try:
            return run_on_node(self._action, entry, payload, self._variables, BEGIN_SECONDS)
        except AnsibleConnectionFailure:
            self._doubt = "the connection broke before the transaction was begun"
        except RemoteError as error:
            if error.kind == "no_python":
                raise
            self._doubt = error.reason
        return None

    def follow(self, role: str, run: str, gate: dict[str, int], *, surely_begun: bool) -> Answer:
        """Return how the transaction ended, `open` where that could not be seen.

        gate: what gate_of returned. With surely_begun false the node may know nothing of it.
        """
        patience = _longest(role, gate) + _PATIENCE
        deadline = time.monotonic() + patience
        seen, trouble = 0, ""
        while time.monotonic() < deadline:
            question = {"run": run, "role": role, "seen": seen, "wait": _POLL}
            try:
                answer = run_on_node(self._action, "follow", question, self._variables, _POLL + 45)
            except (AnsibleConnectionFailure, RemoteError) as reason:
                trouble = str(reason)
                self._tell(f"can't be reached ({trouble}); its transaction goes on by itself")
                time.sleep(3)
                continue
            if not answer["known"]:
                reason_text = f"{BASE}/{run}/{role} has gone from the node" if surely_begun else self._doubt
                return {"role": role, "run": run, "outcome": "abandoned", "reason": reason_text}
            for record in answer["records"][seen:]:
                self._tell(record["step"])
            seen = len(answer["records"])
            if answer["closed"]:
                return _ended(role, run, answer["records"])
        where = f"{BASE}/{run}/{role}/journal"
        told = trouble or "it is still at work"
        reason_text = (
            f"its end was not seen within {patience} s ({told}); the node finishes by itself: {where}"
        )
        return {"role": role, "run": run, "outcome": "open", "reason": reason_text}

    def _tell(self, told: str) -> None:
        self._action._display.v(f"{self._variables['inventory_hostname']}: {told}")  # noqa: SLF001  Ansible's way


def carry_out(
    action: ActionBase,
    wanted: dict[str, Any],
    gate: dict[str, int],
    files: list[dict[str, Any]],
    variables: dict[str, Any],
) -> dict[str, Any]:
    """Have a node carry a transaction out; return the result of the task.

    wanted: what transaction() returned; gate: what gate_of returned; files: what it changes.
    Raises RemoteError for a node that can't have begun it.
    """
    role, run = wanted["role"], wanted["run"]
    follower = Follower(action, variables)
    answer = follower.begin("begin", {"transaction": wanted, "agent": agent_source()})
    if answer is not None and not answer["begun"]:
        return result({"role": role, "run": run, "outcome": "refused", "reason": answer["reason"]}, files)
    for told in answer["raised"] if answer else ():
        action._display.warning(f"{wanted['host']}: {told}")  # noqa: SLF001  Ansible's way
    return result(follower.follow(role, run, gate, surely_begun=answer is not None), files)


def refuse_open(action: ActionBase, sections: dict[str, Any], variables: dict[str, Any]) -> None:
    """Raise NotPlannedError while the node of these facts has a transaction that has not ended.

    Half changed files are no ground for a plan. One whose agent has gone gets it back.
    """
    if has_open_transaction(sections):
        told = run_on_node(action, "recover", {}, variables, BEGIN_SECONDS)["open"]
        if told:
            raise NotPlannedError(told)


def _longest(role: str, gate: dict[str, int]) -> int:
    """Return the seconds that a role's gate may take there and back."""
    if role == static_pod_settings.STATIC_PODS:
        return static_pod_settings.patience(gate)
    if role.startswith(encryption_settings.ENCRYPTION):
        return encryption_settings.patience(gate)
    return (gate.get("limit") or LIMIT) * 2 + (gate.get("window") or WINDOW)


def _ended(role: str, run: str, records: list[dict[str, Any]]) -> Answer:
    data = records[-1]["data"]
    return {
        "role": role,
        "run": run,
        "outcome": data["outcome"],
        "reason": data["reason"],
        "kubelet_error": data["kubelet_error"],
        "proved": data["proved"],
        "seconds": round(records[-1]["time"] - records[0]["time"]),
        "watched": data.get("watched", 0),
    }


def result(answer: Answer, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a task for an answer: failed unless all is as was asked."""
    outcome = answer["outcome"]
    good = outcome in ("committed", "nothing")
    usual = {"kubelet_error": None, "proved": True, "seconds": 0, "watched": 0}
    return {
        "changed": outcome in ("committed", "open"),
        "failed": not good,
        "msg": message(answer),
        "cksharden": {**usual, **answer, "files": files},
    }


def message(answer: Answer) -> str:
    """Return an answer in one sentence."""
    words = {
        "committed": "changed",
        "nothing": "nothing to do",
        "restored": "changed nothing: everything was put back",
        "refused": "refused, nothing was changed",
        "abandoned": "abandoned, nothing was changed",
        "open": "not finished",
        "incomplete": "not completed",
    }
    text = f"{answer['role']}: {words[answer['outcome']]}"
    if not answer.get("proved", True):
        text += ", not proved by a gate"
    if answer.get("reason"):
        text += f": {answer['reason']}"
    if answer.get("kubelet_error"):
        text += f"; the kubelet said: {answer['kubelet_error']}"
    return f"{text} (run {answer['run']})"
