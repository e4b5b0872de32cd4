# SPDX-License-Identifier: Apache-2.0
"""The few things that the lab asks of podman."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Sequence

from lab.host import may_raise_limits
from lab.process import run
from lab.topology import LABEL

RUNTIME = ("--runtime", "runc")  # crun cannot start systemd on hybrid cgroups
# Cut off in the middle they leave addresses and bridges behind that nothing gives back.
_FINISHES = frozenset({"cp", "create", "network", "rm", "start"})


def podman(
    *argv: str,
    expect: frozenset[int] | None = frozenset({0}),
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run podman; see lab.process.run."""
    return run(
        ["podman", *RUNTIME, *argv],
        expect=expect,
        stdin=stdin,
        timeout=timeout,
        finishes=argv[0] in _FINISHES,
    )


def privileged_options() -> tuple[str, ...]:
    """Return the options of every container of the lab: all rights, and limits that it can be given."""
    if may_raise_limits():
        return ("--privileged",)
    # podman raises both limits for root, and without CAP_SYS_RESOURCE runc dies of that. It also
    # lowers its own limit of processes, so ours cannot be given in full.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
    limits = (f"nofile={files}:{files}", f"nproc={processes}:{processes}")
    return ("--privileged", "--ulimit", limits[0], "--ulimit", limits[1])


def execute(
    node: str,
    argv: Sequence[str],
    *,
    expect: frozenset[int] | None = frozenset({0}),
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command on a node, as root, with its input."""
    interactive = [] if stdin is None else ["--interactive"]
    return podman("exec", *interactive, node, *argv, expect=expect, stdin=stdin, timeout=timeout)


def container_states() -> dict[str, str]:
    """Return the state ("running", "exited", "created" …) of every container of the lab by name."""
    listed = podman("ps", "--all", "--filter", f"label={LABEL}", "--format", "json").stdout
    return {entry["Names"][0]: entry["State"] for entry in json.loads(listed or "[]")}


def networks() -> list[str]:
    """Return the names of the lab's networks."""
    return podman("network", "ls", "--quiet", "--filter", f"label={LABEL}").stdout.split()


def remove_containers(names: Sequence[str]) -> None:
    """Remove containers, running or not, with what they wrote."""
    if names:
        podman("rm", "--force", "--volumes", "--time", "0", *names)


def image_exists(name: str) -> bool:
    """Tell whether podman holds an image."""
    return podman("image", "exists", name, expect=frozenset({0, 1})).returncode == 0


def remove_old_images(days: int) -> list[str]:
    """Remove the lab's images that are older and that no container needs; return their names."""
    shown = podman("images", "--filter", "reference=localhost/cksharden-lab/*", "--format", "json").stdout
    oldest = time.time() - days * 86400
    names = [name for image in json.loads(shown) if image["Created"] < oldest for name in image["Names"]]
    # 2: a container needs it.
    return [name for name in names if podman("rmi", name, expect=frozenset({0, 2})).returncode == 0]
