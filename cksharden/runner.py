# SPDX-License-Identifier: Apache-2.0
"""Run one of our playbooks with ansible-runner; nothing else in cksharden knows that library.

A run has a private data directory of its own, which is gone at its end. Nothing but paths, numbers
and our own run id becomes an extra variable: Ansible templates those on this machine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Self

from cksharden.ansible_env import environment
from cksharden.ansible_messages import error_text, failure_reason, inventory_reason, unreachable_reason
from cksharden.errors import InventoryError
from cksharden.inventory import inventory_file

OnEvent = Callable[[str, str], None]
"""Called with a host and what it is at: the title of a task, then "ok", "failed: …" or "unreachable: …"."""

_COLLECTION = "cksharden.node"
_POLL = 0.2
"""Seconds between two looks at whether the user wants to stop."""
_KEPT_LINES = 40


@dataclass(frozen=True)
class Connection:
    """How Ansible is to connect; what is None is Ansible's own affair (ssh_config, inventory)."""

    user: str | None = None
    private_key: str | None = None
    become_password_file: str | None = None
    vault_password_file: str | None = None
    forks: int = 25


@dataclass(frozen=True)
class HostResult:
    """What became of one host; answers are the `cksharden` values of its task results, in order."""

    host: str
    status: Literal["ok", "failed", "unreachable"]
    message: str
    answers: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class PlaybookResult:
    """What became of a playbook; error is Ansible's own where it failed before or beside its hosts."""

    rc: int
    hosts: dict[str, HostResult]
    matched: bool
    error: str


@dataclass
class _Events:
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
        message = (
            ""
            if status == "ok"
            else self.messages.get(host, "Ansible ended before it was done with this host")
        )
        return HostResult(host, status, message, tuple(self.answers.get(host, ())))


class _Interruption:
    """Turns Ctrl-C and SIGTERM into a wish to stop, so that what was started can be ended first."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.wanted = True


def run_playbook(
    name: str,
    *,
    inventory: Path,
    extra: Mapping[str, str | int],
    limit: str | None,
    connection: Connection,
    on_event: OnEvent | None = None,
    check: bool = False,
) -> PlaybookResult:
    """Run the playbook cksharden.node.<name> on the hosts of an inventory.

    extra holds paths, numbers and the run id, nothing that came from a node. check is Ansible's
    check mode, in which our action plugins say what they would do.

    Raises:
        InventoryError: the inventory can't be read, or has none of the hosts that were asked for.
        KeyboardInterrupt: the user wants to stop; what was started here has ended.
    """
    source = inventory_file(inventory)
    events = _Events(on_event)
    private = Path(tempfile.mkdtemp(prefix="cksharden-"))
    try:
        with _Interruption() as interruption:
            rc = _run(
                f"{_COLLECTION}.{name}",
                private=private,
                inventory=source,
                extra=extra,
                options=_options(limit, connection) + (" --check" if check else ""),
                handle=events.handle,
                interruption=interruption,
            )
        if interruption.wanted:
            raise KeyboardInterrupt
    except BaseException:
        _kill_the_rest(private)
        raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
    error = error_text(events.lines) if rc != 0 else ""
    hosts = events.hosts()
    if not hosts:  # a single play may well match none
        _check_inventory(error, source, limit, matched=events.matched)
    return PlaybookResult(rc, hosts, bool(hosts), error)


def _run(
    playbook: str,
    *,
    private: Path,
    inventory: Path,
    extra: Mapping[str, str | int],
    options: str,
    handle: Callable[[dict[str, Any]], bool],
    interruption: _Interruption,
) -> int:
    import ansible_runner  # noqa: PLC0415  slow, and most commands that fail do so before they need it

    runner = ansible_runner.interface.init_runner(
        private_data_dir=str(private),
        playbook=playbook,
        inventory=str(inventory),
        extravars=dict(extra),
        cmdline=options,
        quiet=True,
        suppress_env_files=True,
        event_handler=handle,
        cancel_callback=lambda: interruption.wanted,
    )
    # Set here because `settings` is dropped where there is no file of them.
    runner.config.pexpect_timeout = _POLL
    runner.config.suppress_output_file = True
    # ansible-runner starts from the whole environment of this process, and keeps a copy on disk;
    # it also switches the check of host keys off where the environment does not mention it.
    ours = {key: value for key, value in runner.config.env.items() if key.startswith(("AWX_", "RUNNER_"))}
    kept = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_RETRY_FILES_ENABLED")
    ours |= {key: runner.config.env[key] for key in kept}
    runner.config.env = environment(os.environ, private) | ours
    # ansible.cfg and relative paths of ssh options mean what they mean to ansible-playbook here.
    runner.config.cwd = str(Path.cwd())
    _status, rc = runner.run()
    return int(rc)


def _options(limit: str | None, connection: Connection) -> str:
    """Return the command line of ansible-playbook beyond what ansible-runner writes itself."""
    options = {
        "limit": limit,
        "user": connection.user,
        "private-key": connection.private_key,
        "become-password-file": connection.become_password_file,
        "vault-password-file": connection.vault_password_file,
        "forks": connection.forks,
    }
    return " ".join(shlex.quote(f"--{name}={value}") for name, value in options.items() if value is not None)


def _check_inventory(error: str, inventory: Path, limit: str | None, *, matched: bool) -> None:
    """Raise InventoryError where Ansible ended without a host because of the inventory."""
    if "Completely failed to parse inventory" in error:
        raise InventoryError(
            inventory_reason(error, str(inventory)),
            file=inventory,
            mend=f"see what `ansible-inventory -i {shlex.quote(str(inventory))} --list` says",
        )
    if not matched or "no hosts to target" in error or "provided hosts list is empty" in error:
        what = f"no host matches --limit {limit}" if limit else "it has no hosts"
        mend = "name hosts or groups of it" if limit else "list the nodes in it"
        raise InventoryError(what, file=inventory, key="--limit" if limit else None, mend=mend)


def _kill_the_rest(private: Path) -> None:
    """Kill what Ansible left: its workers have sessions of their own, which a killed parent does not end.

    They are known by the private directory in their environment.
    """
    if not sys.platform.startswith("linux"):
        return
    mark = os.fsencode(f"AWX_ISOLATED_DATA_DIR={private}")
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)
        except OSError:
            continue  # it has ended, or is somebody else's
