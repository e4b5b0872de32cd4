# SPDX-License-Identifier: Apache-2.0
"""`cksharden apply` itself while things break: exit 3, a node that is whole, and a next run that converges.

Every test works on the node that the one before left, so that each is the next run of another; the last one has
nothing left to change.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing

from tests.lab import faults
from tests.lab.command import ROOT, cksharden
from tests.lab.conftest import taken_back

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("faulty_node")]

CONFIG = "/var/lib/kubelet/config.yaml"


def apply() -> tuple[str, ...]:
    return ("apply", faults.inventory(), "--limit", faults.NODE, "--yes")


def applying(runs: Path) -> subprocess.Popen[bytes]:
    """Begin an apply that is held at a step that was planted; return it when it is."""
    command = [sys.executable, "-m", "cksharden", *apply(), "--runs-dir", str(runs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    faults.wait_held()
    return process


def mode() -> str:
    return testing.run(faults.NODE, ["stat", "-c", "%a", CONFIG]).stdout.strip()


def last_steps() -> dict[str, str]:
    """Return the last step of every transaction that the node keeps."""
    return {run: records[-1][0] for run, records in faults.look()["journals"].items() if records}


@pytest.fixture(scope="module")
def runs(faulty_node: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of all runs of this file."""
    with taken_back(tmp_path_factory.mktemp("runs")) as directory:
        yield directory


@pytest.mark.faults
def test_power_is_cut_while_modes_change(runs: Path) -> None:
    assert mode() == "644"
    faults.plant("swapped", "hold")
    with applying(runs) as held:
        assert mode() == "600"
        testing.power_cut(faults.NODE)
        testing.start(faults.NODE)
        faults.release()
        assert held.wait(400) == 3
    faults.wait(lambda: set(last_steps().values()) <= {"closed"}, 60, f"still open: {last_steps()}")
    assert mode() == "644"
    testing.wait_ready(faults.NODE)


@pytest.mark.faults
def test_the_agent_of_the_kubelet_is_killed(runs: Path) -> None:
    faults.plant("gating", "kill")
    ended = cksharden(*apply(), runs=runs)
    assert ended.code == 3, ended.out + ended.err
    assert faults.wait_settled(ended.run)["outcome"] == "restored"
    assert faults.accepts_tls12()
    assert mode() == "600", "the transaction of file_access is another one, and was committed"
    assert faults.lock_holder() == "", "a run that fails gives the lock back"


def test_cksharden_is_killed(runs: Path) -> None:
    earlier = set(runs.iterdir())
    faults.plant("restarting", "hold")
    with applying(runs) as held:
        faults.kill(held, str(runs))
    faults.release()
    (run,) = (path.name for path in set(runs.iterdir()) - earlier)
    assert faults.wait_settled(run)["outcome"] == "committed"
    testing.wait_ready(faults.NODE)
    again = cksharden(*apply(), runs=runs)
    assert again.code == 1, again.out + again.err  # one control is report only and fails
    assert "nothing to change" in again.err
    assert mode() == "600"
    assert not faults.accepts_tls12()
