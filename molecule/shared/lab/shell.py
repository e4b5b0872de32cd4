# SPDX-License-Identifier: Apache-2.0
"""Get onto a node without SSH."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from lab.errors import RefusedError
from lab.podman import container_states
from lab.state import read_state
from lab.topology import LOAD_BALANCER
from lab.up import require_root


def shell(node: str, command: Sequence[str]) -> int:
    """Run a command on a node, or a login shell, on our own input and output.

    Returns:
        The exit code of what ran there.

    Raises:
        RefusedError: There is no such node, or it does not run.
    """
    require_root()
    states = container_states() if read_state() is not None else {}
    if node not in states:
        raise RefusedError(f"no node {node}; there is {', '.join(sorted(states)) or 'no lab'}")
    if states[node] != "running":
        raise RefusedError(f"{node} does not run ({states[node]}); `up` starts it")
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    login = ["/bin/busybox", "sh"] if node == LOAD_BALANCER.name else ["/bin/bash", "--login"]
    words = ["podman", "exec", "--interactive", *terminal, node, *(command or login)]
    return subprocess.run(words, check=False).returncode
