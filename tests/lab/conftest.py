# SPDX-License-Identifier: Apache-2.0
"""A node whose transactions can be broken, and runs of the command line that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.command import cksharden, snapshot


@pytest.fixture(scope="module")
def faulty_node() -> Iterator[None]:
    """The node of faults.NODE, Ready and with the start-up file that breaks things."""
    testing.wait_ready(faults.NODE)
    faults.install()
    yield
    faults.remove()


@pytest.fixture(scope="module")
def faulty_control_plane() -> Iterator[None]:
    """The control plane of static_pods.NODE, with the start-up file; afterwards its option is gone again."""
    testing.wait_ready()
    faults.install(static_pods.NODE)
    yield
    faults.remove(static_pods.NODE)
    static_pods.turn_back()


@pytest.fixture
def well_control_plane(faulty_control_plane: None) -> Iterator[None]:
    """That control plane once it is well; afterwards nothing is planted on it any more."""
    faults.wait(static_pods.well, 120, "the control plane is not well")
    yield
    faults.remove(static_pods.NODE)
    faults.install(static_pods.NODE)


@contextmanager
def taken_back(runs: Path) -> Iterator[Path]:
    """Yield a directory for runs; afterwards they are rolled back, until the node is byte for byte as before."""
    before = snapshot(faults.NODE)
    yield runs
    words = ("rollback", faults.inventory(), "--limit", faults.NODE, "--yes", "--run")
    for run in sorted((path.name for path in runs.iterdir()), reverse=True):
        if snapshot(faults.NODE) == before:
            break  # a run that was taken back already: taking that back would change the node again
        if testing.run(faults.NODE, f"test -d {faults.BASE}/{run}", check=False).returncode == 0:
            back = cksharden(*words, run, runs=runs)
            assert back.code == 0, back.out + back.err
    assert snapshot(faults.NODE) == before


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """The directory of a test's runs."""
    with taken_back(tmp_path) as directory:
        yield directory
