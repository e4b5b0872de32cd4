# SPDX-License-Identifier: Apache-2.0
"""One run per cluster, on a real API server: `apply`, `rollback` and `unlock` as users of two controllers have them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import testing

from tests.lab import faults
from tests.lab.command import ROOT, Ended, cksharden, snapshot
from tests.lab.faults import lock_holder

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("faulty_node")]

LAB = "inventories/lab"
LIMITED = (LAB, "--limit", faults.NODE)
# Modes are no part of it: one transaction for each run, that of the kubelet.
APPLY = ("apply", *LIMITED, "--control", "kubelet_tls_min_version", "--yes")
EVERYTHING = ("apply", LAB, "--yes")
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"


@pytest.fixture
def runs(runs: Path) -> Iterator[Path]:
    """The directory of runs; before they are rolled back nobody holds the lock any more."""
    yield runs
    assert lock_holder() == ""


def roll_back(run: str, runs: Path) -> Ended:
    return cksharden("rollback", *LIMITED, "--run", run, "--yes", runs=runs)


def start(runs: Path) -> subprocess.Popen[bytes]:
    """Begin an apply, and wait until its transaction is held while the kubelet's gate watches."""
    faults.plant("gating", "hold")
    command = [sys.executable, "-m", "cksharden", *APPLY, "--runs-dir", str(runs), "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    faults.wait_held()
    return process


def move_elsewhere() -> None:
    """Have the lock be held by another machine."""
    found: dict[str, Any] = json.loads(faults.lease("json"))
    written = json.loads(found["metadata"]["annotations"]["cksharden-holder"])
    annotation = "cksharden-holder=" + json.dumps({**written, "boot": "another", "host": "desk2"})
    testing.kubectl("--namespace", "kube-system", "annotate", "--overwrite", "lease", "cksharden", annotation)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and every process that it started with SIGKILL: its Ansible would go on."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    process.kill()
    process.wait(10)
    for child in children.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(child), signal.SIGKILL)


def test_of_two_runs_at_once_one_is_refused_and_touches_nothing(runs: Path) -> None:
    with start(runs) as first:
        run = lock_holder()
        before = {name: snapshot(name) for name in ("cp1", faults.NODE)}
        kept = testing.run("cp1", f"ls {faults.BASE}", check=False).stdout
        second = cksharden(*EVERYTHING, runs=runs)
        unlocked = cksharden("unlock", LAB, "--run", run, runs=runs)
        assert {name: snapshot(name) for name in ("cp1", faults.NODE)} == before
        assert testing.run("cp1", f"ls {faults.BASE}", check=False).stdout == kept
        faults.release()
        assert first.wait(300) in (0, 1)
    assert second.code == 3, second.out + second.err
    assert f"run {run} on " in second.err
    assert f"cksharden unlock {LAB} --run {run}" in second.err
    assert unlocked.code == 3
    assert faults.NODE in unlocked.err
    verified = cksharden("verify", *LIMITED, runs=runs)
    assert "proved 1, missed 0" in verified.out, (
        "the run that was refused changed nothing, so it is not meant"
    )
    assert roll_back(run, runs).code == 0, "the lock went with the run that had it"


@pytest.mark.faults
def test_a_killed_controller_is_taken_over_once_its_node_is_done(runs: Path) -> None:
    process = start(runs)
    run = lock_holder()
    kill_all(process)
    refused = cksharden(*EVERYTHING, runs=runs)
    assert refused.code == 3, refused.out + refused.err
    assert f"{faults.NODE}: the transaction kubelet of run {run} is still open" in refused.err
    faults.release()
    assert faults.wait_settled(run)["outcome"] == "committed"
    taken = cksharden("rollback", *LIMITED, "--run", run, "--yes", runs=runs)
    assert taken.code == 0, taken.out + taken.err
    assert "has ended: taken over" in taken.err


@pytest.mark.faults
def test_unlock_waits_for_the_node_of_a_controller_that_is_gone(runs: Path) -> None:
    process = start(runs)
    run = lock_holder()
    kill_all(process)
    move_elsewhere()
    refused = cksharden("unlock", LAB, "--run", run, runs=runs)
    assert refused.code == 3
    assert f"{faults.NODE}: the transaction kubelet of run {run} is still open" in refused.err
    assert lock_holder() == run
    faults.release()
    faults.wait_settled(run)
    held = cksharden(*EVERYTHING, runs=runs)
    assert held.code == 3, held.out + held.err
    assert f"run {run} on desk2" in held.err, (
        "whether a process of another machine has ended can't be seen here"
    )
    other = cksharden("unlock", LAB, "--run", "20200101T000000Z-000000", runs=runs)
    assert (other.code, lock_holder()) == (3, run)
    assert run in other.err
    removed = cksharden("unlock", LAB, "--run", run, runs=runs)
    assert removed.code == 0, removed.err
    assert f"removed the lock of run {run} on desk2" in removed.out
    again = cksharden("unlock", LAB, "--run", run, runs=runs)
    assert (again.code, again.out) == (0, "there is no lock\n")


@pytest.mark.faults
def test_a_rollback_goes_on_with_the_api_server_down(runs: Path) -> None:
    modes = ("apply", *LIMITED, "--control", "kubelet_config_mode", "--yes")
    applied = cksharden(*modes, runs=runs)
    assert applied.code == 0, applied.out + applied.err
    testing.run("cp1", f"mv {MANIFEST} /etc/kubernetes/kept.yaml")
    try:
        faults.wait(lambda: testing.kubectl("version", check=False).returncode != 0, 60, "it still answers")
        back = roll_back(applied.run, runs)
        again = cksharden(*modes, runs=runs)
    finally:
        testing.run("cp1", f"mv /etc/kubernetes/kept.yaml {MANIFEST}")
        testing.wait_ready()
    assert back.code == 0, back.out + back.err
    assert "The nodes' own journals alone guard them" in back.err
    assert again.code == 3
    assert "no control plane can be asked for the cluster's lock" in again.err
