# SPDX-License-Identifier: GPL-3.0-or-later
"""Live processes: their command lines, when they started, and the pods whose containers they are in."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import Any

from .redact import redact_arguments
from .safe_read import read_bytes
from .text import plain

Data = dict[str, Any]

# cgroupfs: /kubepods/burstable/podUID/ID; systemd: …/kubepods-burstable-podUID.slice/cri-containerd-ID.scope,
# where the dashes of UID are underscores. The UID of a static pod has 32 digits and no dash.
_POD = re.compile(r"kubepods\S*?pod([0-9a-f_-]{32,36})(?:\.slice)?[/:](?:[\w.]+[-:])*([0-9a-f]{64})")


def look_at(pid: int) -> Data | None:
    """Return pid, argv and start time of a process; None where it does not run."""
    if pid == 0:
        return None
    try:
        before = _start(pid)
        argv = read_bytes(b"/proc/%d/cmdline" % pid, 256 * 1024)
        if _start(pid) != before or not argv:
            return None
    except (FileNotFoundError, ProcessLookupError):
        return None
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started = boot + before / os.sysconf("SC_CLK_TCK")
    return {"pid": pid, "argv": [plain(word) for word in argv.rstrip(b"\0").split(b"\0")], "started": started}


def in_pods(names: Sequence[str]) -> dict[str, list[Data]]:
    """Return, for each name of a program, its processes in pods: {pid, argv, started, pod_uid, container_id}.

    Secrets in command lines are replaced.
    """
    found: dict[str, list[Data]] = {name: [] for name in names}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                program = os.path.basename(stream.read(512).partition(b"\0")[0])
            if program.decode("ascii", "replace") not in found:
                continue
            with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as text:
                pod = pod_of(text.read(65536))
        except (FileNotFoundError, ProcessLookupError):
            continue
        process = look_at(pid)
        if process is None or pod is None:
            continue
        process["argv"] = redact_arguments(process["argv"])
        process["pod_uid"], process["container_id"] = pod
        found[program.decode("ascii")].append(process)
    return found


def pod_of(cgroup: str) -> tuple[str, str] | None:
    """Return the UID of the pod and the ID of the container that /proc/PID/cgroup tells of."""
    match = _POD.search(cgroup)
    return None if match is None else (match[1].replace("_", "-"), match[2])


def _start(pid: int) -> int:
    """Return when a process started, in clock ticks since boot (proc(5): field 22 of stat)."""
    # The name, field 2, is in parentheses and may hold anything.
    return int(read_bytes(b"/proc/%d/stat" % pid, 4096).rpartition(b")")[2].split()[19])
