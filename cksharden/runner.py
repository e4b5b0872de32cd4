# SPDX-License-Identifier: Apache-2.0
"""Run one of our playbooks with ansible-runner; nothing else in cksharden knows that library.

Nothing but paths, numbers and our own run id becomes an extra variable: Ansible templates those on
this machine. What a password is, no argument and no variable says.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cksharden.ansible_env import environment
from cksharden.ansible_events import Events, HostResult, OnEvent
from cksharden.ansible_inventory import no_nodes
from cksharden.ansible_messages import error_text, inventory_reason
from cksharden.ansible_process import Interruption, ending_with_us, kill_the_rest
from cksharden.connection import Connection
from cksharden.errors import InventoryError
from cksharden.inventory import inventory_file, not_asked
from cksharden.private_dir import private_directory, write_password

__all__ = ["Connection", "HostResult", "OnEvent", "PlaybookResult", "run_playbook"]

_COLLECTION = "cksharden.node"
_POLL = 0.2
"""Seconds between two looks at whether the user wants to stop."""
_ANSIBLE_RUNNERS = (
    "ANSIBLE_CALLBACK_PLUGINS",
    "ANSIBLE_RETRY_FILES_ENABLED",
    "ANSIBLE_STDOUT_CALLBACK",
    "AWX_ISOLATED_DATA_DIR",
    "RUNNER_OMIT_EVENTS",
    "RUNNER_ONLY_FAILED_EVENTS",
)
"""Variables of Ansible's environment that are ansible-runner's to set: how it hears of events."""


@dataclass(frozen=True)
class PlaybookResult:
    """What became of a playbook; error is Ansible's own where it failed before or beside its hosts."""

    rc: int
    hosts: dict[str, HostResult]
    matched: bool
    error: str


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
        UsageError: a password, and no place in memory to hand it over.
        KeyboardInterrupt: the user wants to stop; what was started here has ended.
    """
    source = inventory_file(inventory)
    events = Events(on_event)
    with private_directory() as private:
        try:
            with Interruption() as interruption:
                rc = _run(
                    f"{_COLLECTION}.{name}",
                    private=private,
                    inventory=source,
                    extra=extra,
                    options=_options(limit, connection, private) + (" --check" if check else ""),
                    handle=events.handle,
                    interruption=interruption,
                )
            if interruption.wanted:
                raise KeyboardInterrupt
        except BaseException:
            kill_the_rest(private)
            raise
    error = error_text(events.lines) if rc != 0 else ""
    hosts = events.hosts()
    if not hosts:  # a single play may well match none
        _check_inventory(error, source, connection, limit, matched=events.matched)
    return PlaybookResult(rc, hosts, bool(hosts), error)


def _run(
    playbook: str,
    *,
    private: Path,
    inventory: Path,
    extra: Mapping[str, str | int],
    options: str,
    handle: Callable[[dict[str, Any]], bool],
    interruption: Interruption,
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
    # ansible-runner switches the check of host keys off where the environment does not mention it.
    ours = {key: runner.config.env[key] for key in _ANSIBLE_RUNNERS}
    runner.config.env = environment(os.environ, private) | ours
    runner.config.command = ending_with_us(runner.config.command)
    # ansible.cfg and relative paths of ssh options mean what they mean to ansible-playbook here.
    runner.config.cwd = str(Path.cwd())
    _status, rc = runner.run()
    return int(rc)


def _options(limit: str | None, connection: Connection, private: Path) -> str:
    """Return the command line of ansible-playbook beyond what ansible-runner writes itself."""
    options = {
        "limit": limit,
        "user": connection.user,
        "private-key": connection.private_key,
        "become-password-file": connection.become_password_file,
        "vault-password-file": connection.vault_password_file,
        "forks": connection.forks,
    }
    typed = {
        "become-password-file": connection.become_password,
        "vault-password-file": connection.vault_password,
    }
    options |= {key: str(write_password(private, key, word)) for key, word in typed.items() if word}
    return " ".join(shlex.quote(f"--{name}={value}") for name, value in options.items() if value is not None)


def _check_inventory(
    error: str, inventory: Path, connection: Connection, limit: str | None, *, matched: bool
) -> None:
    """Raise InventoryError where Ansible ended without a host because of the inventory."""
    if "Completely failed to parse inventory" in error:
        raise InventoryError(
            inventory_reason(error, str(inventory)),
            file=inventory,
            mend=f"see what `ansible-inventory -i {shlex.quote(str(inventory))} --list` says",
        )
    if "no vault secrets" in error:  # none was given, or none of them fits
        mend = "give -J, or the right --vault-password-file"
        raise InventoryError("its vault can't be opened", file=inventory, key="vault", mend=mend)
    if limit and not matched and not error:  # it names hosts, and none of those that the playbooks ask
        mend = "put a node into one of these groups"
        raise InventoryError(not_asked(limit), file=inventory, key="--limit", mend=mend)
    if not matched or "no hosts to target" in error or "provided hosts list is empty" in error:
        if not limit:
            raise no_nodes(inventory, connection)
        mend = "name hosts or groups of it"
        raise InventoryError(f"no host matches --limit {limit}", file=inventory, key="--limit", mend=mend)
