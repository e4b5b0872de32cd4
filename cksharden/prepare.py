# SPDX-License-Identifier: Apache-2.0
"""Place what kubeadm-config names on a machine that is about to join as a control plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cksharden.errors import IncompleteError
from cksharden.outcomes import carry_out
from cksharden.rundir import RunDir
from cksharden.runner import Connection, HostResult, OnEvent, PlaybookResult, run_playbook
from cksharden.transactions import Preparation, Preparations

ROLE = "prepare"


@dataclass(frozen=True)
class Prepare:
    """Which machines, and in which run."""

    run: RunDir
    inventory: Path
    connection: Connection
    limit: str


def preview(prepare: Prepare, on_event: OnEvent | None = None) -> Preparations:
    """Ask what would be placed; save it in the run's prepare.json and return it.

    Raises:
        IncompleteError: a machine, or no control plane, could be asked.
    """
    played = _play(prepare, on_event, check=True)
    failed = {host: result.message for host, result in played.hosts.items() if result.status != "ok"}
    if failed or not played.hosts:
        told = "; ".join(f"{host}: {message}" for host, message in failed.items())
        raise IncompleteError(told or played.error, mend="nothing was changed")
    found = Preparations(tuple(_preparation(result) for result in played.hosts.values()))
    prepare.run.write("prepare", found)
    return found


def place(prepare: Prepare, found: Preparations, on_event: OnEvent | None = None) -> tuple[str, ...]:
    """Place the files, and save in `apply/` what became of each machine.

    Returns what there is to say of the cluster's lock.

    Raises:
        IncompleteError: Ansible failed before it asked a host, or another run has the lock.
    """
    expected = {one.host: (ROLE,) for one in found.hosts}
    return carry_out(
        prepare.run,
        expected,
        prepare.inventory,
        prepare.connection,
        lambda: _play(prepare, on_event, check=False),
    )


def _play(prepare: Prepare, on_event: OnEvent | None, *, check: bool) -> PlaybookResult:
    return run_playbook(
        "prepare",
        inventory=prepare.inventory,
        extra={"cksharden_run": prepare.run.run},
        limit=prepare.limit,
        connection=prepare.connection,
        on_event=on_event,
        check=check,
    )


def _preparation(result: HostResult) -> Preparation:
    """Read what kubeadm_files answers in check mode."""
    answer = next((one for one in result.answers if "files" in one), {})
    try:
        return msgspec.convert({"host": result.host, **answer}, Preparation)
    except msgspec.ValidationError as error:
        raise IncompleteError(f"the answer of {result.host} is not understood: {error}") from error
