# SPDX-License-Identifier: Apache-2.0
"""What the machine below allows: detected, never configured."""

from __future__ import annotations

import platform
from pathlib import Path

CAP_SYS_RESOURCE = 24


def has_cgroup_v2() -> bool:
    """Tell whether this machine runs the unified cgroup hierarchy alone."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def has_swap() -> bool:
    """Tell whether swap is on; nodes in containers see that of the host."""
    return len(Path("/proc/swaps").read_text(encoding="utf-8").splitlines()) > 1


def may_raise_limits() -> bool:
    """Tell whether processes here can be given CAP_SYS_RESOURCE (the bounding set has it)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return False


def go_architecture() -> str:
    """Return this machine's architecture by the name that Go and container images use."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
