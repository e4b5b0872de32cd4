# SPDX-License-Identifier: Apache-2.0
"""The command line as a user has it, and what a node looks like from outside."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import testing
from lab.outside import handshake

ROOT = Path(__file__).resolve().parents[2]
# What cksharden may touch, and what stands beside it; a kubelet writes elsewhere all the time.
_PLACES = "/etc/kubernetes /etc/default /etc/systemd/system /var/lib/kubelet/pki"
_FILES = (
    "/var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/instance-config.yaml"
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> str:
        """The id of its run, from the last line of its report."""
        found = re.search(r"^Run ([^;\s]+); again: ", self.out, re.MULTILINE)
        assert found, self.out + self.err
        return found[1]


def cksharden(*words: str, runs: Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> Ended:
    """Run a command without a terminal, for at most `timeout` seconds."""
    command = [sys.executable, "-m", "cksharden", *words]
    environment = os.environ | {"CKSHARDEN_RUNS_DIR": str(runs)} | dict(env or {})
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def on_a_terminal(*words: str, runs: Path, question: str, answer: Callable[[], str]) -> Ended:
    """Run a command on a terminal, and answer its question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        environment = os.environ | {"CKSHARDEN_RUNS_DIR": str(runs), "TERM": "xterm", "COLUMNS": "200"}
        os.execve(sys.executable, [sys.executable, "-m", "cksharden", *words], environment)
    seen, answered, deadline = b"", False, time.monotonic() + 300
    while time.monotonic() < deadline and select.select([terminal], [], [], 1)[0] is not None:
        try:
            seen += os.read(terminal, 65536) if select.select([terminal], [], [], 1)[0] else b""
        except OSError:  # the other side has closed it
            break
        if not answered and question.encode() in seen:
            answered = True
            os.write(terminal, answer().encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return Ended(os.waitstatus_to_exitcode(status), seen.decode().replace("\r\n", "\n"), "")


def findings(*words: str, runs: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the findings of a check, by host and control."""
    ended = cksharden("check", *words, "--format", "json", "--quiet", runs=runs)
    return {(one["host"], one["control"]): one for one in json.loads(ended.out)["findings"]}


def snapshot(node: str, *, times: bool = True) -> dict[str, str]:
    """Return every file and directory that could be changed: its content's digest, mode, owner and times."""
    stamp = " %T@" if times else ""
    listed = testing.run(
        node,
        f"find {_PLACES} {_FILES} -xdev -type d -printf '%p\\t%M %u %g\\n' -o -printf '%p\\t%M %u %g %s{stamp} %l\\n';"
        f" find {_PLACES} {_FILES} -xdev -type f -exec sha256sum {{}} + | sed 's/^\\([^ ]*\\)  \\(.*\\)/\\2 digest\\t\\1/'",
        check=False,
    )
    return dict(line.split("\t", 1) for line in listed.stdout.splitlines())


def kubelet_starts(node: str) -> tuple[int, int]:
    """Return how often the kubelet was started since boot, and the process that runs now."""
    shown = testing.run(
        node, "journalctl -u kubelet --no-pager -o cat | grep -c '^Started kubelet'", check=False
    )
    pid = testing.run(node, ["systemctl", "show", "--value", "--property", "MainPID", "kubelet"])
    return int(shown.stdout), int(pid.stdout)


def accepts_tls_1_2(node: str) -> bool:
    """Say whether the kubelet's port completes a handshake of TLS 1.2."""
    return handshake(testing.node(node).address, "TLSv1_2") is not None
