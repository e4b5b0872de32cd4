# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process of which machine changes nodes, so that another one can tell whether it still lives."""

from __future__ import annotations

import hashlib
import hmac
import platform
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line

_MACHINE_ID = Path("/etc/machine-id")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SAME = ("machine", "boot", "namespace")
"""What two processes have in common that can see each other."""

Holder = dict[str, Any]


def holder(run: str, pid: int) -> Holder:
    """Return who holds a lock: run, host, machine, boot, namespace (of processes), pid, start.

    machine is made from the machine id, which by machine-id(5) is not for others to see. start is in clock
    ticks since boot. What the operating system does not tell is empty or 0: such a holder is never gone.
    """
    machine = _read(_MACHINE_ID)
    return {
        "run": run,
        "host": platform.node(),
        "machine": hmac.digest(machine.encode(), b"cksharden", hashlib.sha256).hex() if machine else "",
        "boot": _read(_BOOT_ID),
        "namespace": namespace(),
        "pid": pid,
        "start": started(pid),
    }


def runs_here(found: Holder, own: Holder) -> bool | None:
    """Tell whether the process of a holder still runs; None where this machine can't see it.

    own: a holder of this machine, as holder() gives it.
    """
    if any(found[key] != own[key] for key in _SAME) or not own["boot"] or not own["namespace"]:
        return None
    if not found["pid"] or not found["start"]:
        return None
    return bool(started(found["pid"]) == found["start"])


def told(found: Holder) -> str:
    """Return a holder in words for people, on one line: what the API server says may hold anything."""
    where = found["host"] or "an unknown machine"
    return one_line(f"run {found['run']} on {where} (PID {found['pid']}, since {found['since']})")


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def namespace() -> str:
    """Return the namespace of processes that this one is in, "" where that is not told."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def started(pid: int) -> int:
    """Return when a process was started, 0 where there is none or nothing but its end to be noted."""
    try:
        # The name in brackets may hold anything; the state is the first field behind it, the start the 20th.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0
