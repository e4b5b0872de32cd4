# SPDX-License-Identifier: Apache-2.0
"""What ansible-runner tells while a playbook runs, folded into one result per host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from cksharden.ansible_messages import failure_reason, unreachable_reason

OnEvent = Callable[[str, str], None]
"""Called with a host and what it is at: the title of a task, then "ok", "failed: …" or "unreachable: …"."""

_KEPT_LINES = 40


@dataclass(frozen=True)
class HostResult:
    """What became of one host; answers are the `cksharden` values of its task results, in order."""

    host: str
    status: Literal["ok", "failed", "unreachable"]
    message: str
    answers: tuple[dict[str, Any], ...]


@dataclass
class Events:
    """Keeps the few events that matter; the handler is on the way of every result, so it does little."""

    on_event: OnEvent | None
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    stats: dict[str, dict[str, int]] | None = None
    matched: bool = True
    lines: list[str] = field(default_factory=list)

    def handle(self, event: dict[str, Any]) -> bool:
        """Take one event of ansible-runner; False keeps it from being written to disk."""
        name, data = event.get("event"), event.get("event_data") or {}
        host = str(data.get("host") or "")
        if name == "runner_on_start":
            self._tell(host, str(data.get("task", "")).rpartition("| ")[2])
        elif name == "runner_on_ok" or (name == "runner_on_failed" and data.get("ignore_errors")):
            self._keep(host, data.get("res") or {}, "ok")
        elif name == "runner_on_failed":
            self.messages[host] = failure_reason(data.get("res") or {})
            self._keep(host, data.get("res") or {}, f"failed: {self.messages[host]}")
        elif name == "runner_on_unreachable":
            self.messages[host] = unreachable_reason(data.get("res") or {})
            self._tell(host, f"unreachable: {self.messages[host]}")
        elif name == "playbook_on_stats":
            self.stats = data
        elif name == "playbook_on_no_hosts_matched":
            self.matched = False
        elif name in ("error", "warning", "verbose"):
            self.lines = [*self.lines[-_KEPT_LINES:], str(event.get("stdout", ""))]
        return False

    def _keep(self, host: str, result: dict[str, Any], told: str) -> None:
        single = [result, *(each for each in result.get("results") or () if isinstance(each, dict))]
        answers = [each["cksharden"] for each in single if isinstance(each.get("cksharden"), dict)]
        self.answers.setdefault(host, []).extend(answers)
        if answers or told != "ok":
            self._tell(host, told)

    def _tell(self, host: str, what: str) -> None:
        if self.on_event is not None and host:
            self.on_event(host, what)

    def hosts(self) -> dict[str, HostResult]:
        """Return the result of every host that took part."""
        stats = self.stats or {}
        names = dict.fromkeys(
            [*stats.get("processed", ()), *stats.get("dark", ()), *self.answers, *self.messages]
        )
        return {host: self._result(host, stats) for host in names}

    def _result(self, host: str, stats: dict[str, dict[str, int]]) -> HostResult:
        status: Literal["ok", "failed", "unreachable"] = "ok"
        if stats.get("dark", {}).get(host):
            status = "unreachable"
        elif not stats or stats.get("failures", {}).get(host):
            status = "failed"
        message = ""
        if status != "ok":
            message = self.messages.get(host, "Ansible ended before it was done with this host")
        return HostResult(host, status, message, tuple(self.answers.get(host, ())))
