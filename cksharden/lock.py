# SPDX-License-Identifier: Apache-2.0
"""One run per cluster: what a playbook answered of the lock, and how a lock that was left is removed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Literal

import msgspec

from cksharden.errors import CkshardenError, IncompleteError, UsageError
from cksharden.runner import Connection, OnEvent, PlaybookResult, run_playbook

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
"""As module_utils/node/store.py has it: a plain ansible-playbook may be given any name for its run."""
_TOLD = ("taken_over", "lost", "none", "without")


class LockAnswer(msgspec.Struct, frozen=True):
    """What the action plugin cluster_lock answered."""

    lock: Literal[
        "taken", "taken_over", "removed", "absent", "lost", "none", "without", "held", "busy", "unknown"
    ]
    """`lost` to another run while it was held, `none` where the inventory has no control plane, `without`
    where none can be asked; the last three refuse."""
    message: str = ""
    holder: dict[str, Any] = msgspec.field(default_factory=dict)


def refuse(played: PlaybookResult, inventory: Path) -> None:
    """Raise IncompleteError where the lock kept a playbook from changing anything."""
    where = shlex.quote(str(inventory))
    for answer in _answers(played):
        mends = {
            "held": "nothing was changed; wait for it, or, where it is no more, "
            f"`cksharden unlock {where} --run {shlex.quote(str(answer.holder.get('run')))}`",
            "busy": "nothing was changed; a node ends its transaction by itself: try again then",
            "unknown": "nothing was changed; see that the API server of a control plane answers",
        }
        if answer.lock in mends:
            raise IncompleteError(answer.message, mend=mends[answer.lock])


def notices(played: PlaybookResult) -> tuple[str, ...]:
    """Return what is to be said of the lock: it was taken over, or there was none."""
    return tuple(one.message for one in _answers(played) if one.lock in _TOLD)


def give_back(played: PlaybookResult, run: str, inventory: Path, connection: Connection) -> tuple[str, ...]:
    """Give the lock back where a playbook stopped before it did; return why it stays, if it does.

    It stays while a node that was reached has a transaction open, since that is what it guards.
    """
    answered = {one.lock for one in _answers(played)}
    if not answered & {"taken", "taken_over"} or answered & {"removed", "absent", "lost"}:
        return ()
    # Where a host is unreachable now nothing was begun there; an end that was not seen is no such host.
    reached = [host for host, result in played.hosts.items() if result.status != "unreachable"]
    try:
        _remove(run, inventory, connection, ",".join(reached) or "kube_control_plane")
    except CkshardenError as error:
        mend = f"`cksharden unlock {shlex.quote(str(inventory))} --run {run}`"
        return (
            f"the lock of the cluster stays ({error.message}); the next run here takes it over, or {mend}",
        )
    return ()


def unlock(
    run: str, inventory: Path, connection: Connection, limit: str | None, on_event: OnEvent | None = None
) -> str:
    """Remove the lock that a run has left; return what was removed.

    Args:
        run: the run that is believed to hold it.
        inventory: an Ansible inventory, or a directory with one.
        connection: how to connect.
        limit: which nodes are asked whether a transaction is open there.
        on_event: called with a host and what it is at.

    Raises:
        UsageError: what can't be the name of a run.
        InventoryError: the inventory can't be used.
        IncompleteError: another run holds it, it is still at work, or a node has a transaction open.
    """
    if not _RUN.fullmatch(run):
        raise UsageError(
            f"{run!r} is no name of a run", key="--run", mend="name the run that the refusal named"
        )
    return _remove(run, inventory, connection, limit, on_event).message


def _remove(
    run: str, inventory: Path, connection: Connection, limit: str | None, on_event: OnEvent | None = None
) -> LockAnswer:
    played = run_playbook(
        "unlock",
        inventory=inventory,
        extra={"cksharden_unlock_run": run},
        limit=limit,
        connection=connection,
        on_event=on_event,
    )
    for answer in _answers(played):
        if answer.lock in ("removed", "absent"):
            return answer
        mends = {
            "held": "remove a lock only where its run is no more, and name that run",
            "busy": "a node ends its transaction by itself; leave out with --limit one that is gone for good",
            "unknown": "see that the API server of a control plane answers",
            "none": "name the control planes in the group kube_control_plane",
        }
        raise IncompleteError(answer.message, mend=mends.get(answer.lock))
    failed = [f"{host}: {result.message}" for host, result in played.hosts.items() if result.message]
    raise IncompleteError("; ".join(failed) or played.error or f"Ansible ended with {played.rc}")


def _answers(played: PlaybookResult) -> list[LockAnswer]:
    found = [answer for result in played.hosts.values() for answer in result.answers if "lock" in answer]
    try:
        return [msgspec.convert(answer, LockAnswer) for answer in found]
    except msgspec.ValidationError as error:
        raise IncompleteError(f"the answer about the lock is not understood: {error}") from error
