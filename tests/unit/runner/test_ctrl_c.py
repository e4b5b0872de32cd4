# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C where no node of the lab is needed: while `init` asks, and at the question of `apply`.

The other stages are in tests/lab/test_bad_input.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.unit.cli.terminal import on_terminal
from tests.unit.runner.conftest import Site

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts a file system for its node"
)

# What makes this machine a worker, for who is asked alone.
WORKER = """
for last; do :; done
exec unshare --mount sh -c 'mount -t overlay overlay -o lowerdir={root}/etc:/etc /etc && exec sh -c "$0"' "$last"
"""


def test_while_init_asks(site: Site) -> None:
    called = site.root / "called"
    site.ssh(f"touch {called}; sleep 60")
    words = [sys.executable, "-m", "cksharden", "init", str(site.root / "own"), "--host", "cp1"]
    environment = os.environ | {"ANSIBLE_SSH_EXECUTABLE": str(site.root / "ssh")}
    with subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 30
        while not called.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all that run in it
        _, said = process.communicate(timeout=10)
    assert called.exists()
    assert process.returncode == 130, said
    assert "cksharden: interrupted." in said
    assert "Traceback" not in said
    assert not (site.root / "own").exists()


def test_at_the_question_of_apply(site: Site) -> None:
    for name in ("systemd/system/kubelet.service", "kubernetes/proxy.conf"):
        (site.root / "etc" / name).parent.mkdir(parents=True)
        (site.root / "etc" / name).touch(0o644)
    site.ssh(WORKER.format(root=site.root))
    choice = ("--control", "kube_proxy_kubeconfig_mode", "--runs-dir", str(site.root / "runs"))
    seen = on_terminal(["-m", "cksharden", "apply", str(site.inventory), *choice], typed="\x03")
    said = "\n".join(seen.screen)
    assert seen.code == 130, said
    assert "Change 1 hosts (w1), restarting 0 kubelets? [y/N]:" in said
    assert "cksharden: interrupted." in said
    assert "Traceback" not in said
    assert (site.root / "etc/kubernetes/proxy.conf").stat().st_mode & 0o777 == 0o644
    assert not list(site.root.glob("runs/*/apply")), "it is no run that changed nodes"
