# SPDX-License-Identifier: Apache-2.0
"""Three control planes behind a load balancer: changed one after another, and nobody outside notices."""

from __future__ import annotations

import itertools
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab import testing

pytestmark = pytest.mark.ha

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories/lab-ha"
CONTROL_PLANES = ("cp1", "cp2", "cp3")
UNSERIALIZED = """
- name: Harden three control planes at once
  hosts: kube_control_plane
  gather_facts: false
  roles:
    - role: cksharden.node.kubelet
      vars:
        kubelet_settings:
          - {key: podPidsLimit, value: 2048, flag: pod-max-pids}
"""


@dataclass
class Prober:
    """Asks the cluster's endpoint for /readyz all the time, as a client outside would."""

    endpoint: str
    answers: int = 0
    failures: list[str] = field(default_factory=list)

    def ask(self) -> None:
        """Ask once; anybody may read /readyz (the ClusterRole system:public-info-viewer)."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with urllib.request.urlopen(f"{self.endpoint}/readyz", timeout=5, context=context) as answer:
                self.answers += answer.status == 200
        except (urllib.error.URLError, OSError) as error:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {error}")


@contextmanager
def probing() -> Iterator[Prober]:
    server = testing.run("cp1", "grep server: /etc/kubernetes/admin.conf").stdout
    prober = Prober(server.split()[-1])
    done = threading.Event()

    def go() -> None:
        while not done.wait(0.3):
            prober.ask()

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield prober
    finally:
        done.set()
        thread.join()


def cksharden(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cksharden", *words],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        timeout=900,
    )


def spans(run: str) -> dict[str, tuple[float, float]]:
    """Return when each node's kubelet transaction began and closed, by the node's own journal."""
    found = {}
    for node in (*CONTROL_PLANES, "w1"):
        text = testing.run(node, f"cat /var/lib/cksharden/{run}/kubelet/journal").stdout
        records: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line]
        assert records[-1]["data"]["outcome"] == "committed"
        found[node] = (records[0]["time"], records[-1]["time"])
    return found


def test_control_planes_change_one_after_another_and_the_endpoint_always_answers(tmp_path: Path) -> None:
    with probing() as prober:
        applied = cksharden("apply", str(INVENTORY), "--yes", "--runs-dir", str(tmp_path))
    assert applied.returncode == 1, applied.stdout + applied.stderr  # one control is report only and fails
    (run,) = (path.name for path in tmp_path.iterdir())
    found = spans(run)
    order = sorted(found, key=lambda node: found[node])
    assert order == [*CONTROL_PLANES, "w1"]
    for earlier, later in itertools.pairwise(order):
        assert found[earlier][1] <= found[later][0], f"{later} began before {earlier} was done"
    assert prober.failures == []
    assert prober.answers > 20


def test_the_role_refuses_three_control_planes_in_one_batch(tmp_path: Path) -> None:
    playbook = tmp_path / "at-once.yml"
    playbook.write_text(UNSERIALIZED)
    before = {node: testing.run(node, "ls /var/lib/cksharden").stdout for node in CONTROL_PLANES}
    played = subprocess.run(
        ["ansible-playbook", "-i", str(INVENTORY / "hosts.yml"), str(playbook)],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT)},
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert played.returncode != 0
    assert "would change at once" in played.stdout + played.stderr
    assert {node: testing.run(node, "ls /var/lib/cksharden").stdout for node in CONTROL_PLANES} == before
