# SPDX-License-Identifier: GPL-3.0-or-later
"""No transaction takes a key away that something in etcd is encrypted with.

Whatever the role, and forward as well as in a rollback: where a transaction would change what the API
server can read (its manifest, or the file that this names), and something of it would be lost, etcd is
asked whether anything is stored in that way.
"""

from __future__ import annotations

import os

from . import encryption_config, secrets_stored
from .encryption_config import Configuration, Readers, readers, readers_of
from .etcd_api import EtcdError
from .flags import EditError
from .step import RefusedError, Step
from .step_file import FileStep
from .system import System


def check(system: System, steps: list[Step]) -> None:
    """Raise RefusedError where the API server could not read something any more after these steps."""
    planned = {os.path.realpath(step.path): step.wanted for step in steps if isinstance(step, FileStep)}
    manifest = os.path.realpath(system.api_server_manifest)
    before = _before(system)
    if before is None or not planned.keys() & {manifest, before.path}:
        return
    try:
        after = encryption_config.configuration(manifest, planned)
        if after is None or after == before:
            return
        if after.path is not None and after.data is None:
            raise RefusedError(f"{manifest} names {after.path}, which would not be there")
        reads = readers(after.data)
    except (EditError, OSError) as reason:
        raise RefusedError(
            f"what the API server could read afterwards is not understood: {reason}"
        ) from reason
    for resource, lost in _lost(before, reads).items():
        _refuse_stored(system, resource, readers_of(reads, resource), lost)


def _before(system: System) -> Configuration | None:
    """Return what is configured; a path of "" where that is not understood. None for no API server."""
    try:
        return encryption_config.configuration(system.api_server_manifest)
    except (EditError, OSError):
        return Configuration("", False, None)


def _lost(before: Configuration, after: dict[str, Readers]) -> dict[str, set[str] | None]:
    """Return, by resource, what can be read before and not after; None where before is not known."""
    try:
        known = None if before.path is not None and before.data is None else readers(before.data)
    except EditError:
        known = None
    if known is None:
        return dict.fromkeys({"secrets", *after})
    lost: dict[str, set[str] | None] = {}
    for resource in {"secrets", *known, *after}:
        now = readers_of(after, resource)
        gone = {each for each, key in readers_of(known, resource).items() if now.get(each) != key}
        if gone:
            lost[resource] = gone
    return lost


def _refuse_stored(system: System, resource: str, reads: Readers, lost: set[str] | None) -> None:
    """Raise RefusedError where etcd holds what is lost, or does not tell."""
    try:
        stored = secrets_stored.providers(system, resource)
    except EtcdError as reason:
        raise RefusedError(
            f"the API server would read fewer ways of encryption than now, and whether {resource} are"
            f" stored in one of them is not known: {reason}"
        ) from reason
    unread = {each: count for each, count in stored.items() if each not in reads or each in (lost or ())}
    if unread:
        told = ", ".join(f"{count} as {each}" for each, count in sorted(unread.items()))
        raise RefusedError(
            f"{resource} are stored in ways that the API server could not read any more ({told}):"
            " have them rewritten first"
        )
