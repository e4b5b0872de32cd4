# SPDX-License-Identifier: Apache-2.0
"""A node whose transactions can be broken, and runs of the command line that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing

from tests.lab import faults
from tests.lab.command import cksharden, snapshot


@pytest.fixture(scope="module")
def faulty_node() -> Iterator[None]:
    """The node of faults.NODE, Ready and with the start-up file that breaks things."""
    testing.wait_ready(faults.NODE)
    faults.install()
    yield
    faults.remove()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A run directory; afterwards every run in it is rolled back, and the node is byte for byte as before."""
    before = snapshot(faults.NODE)
    yield tmp_path
    words = ("rollback", faults.inventory(), "--limit", faults.NODE, "--yes", "--run")
    for run in sorted((path.name for path in tmp_path.iterdir()), reverse=True):
        if testing.run(faults.NODE, f"test -d {faults.BASE}/{run}", check=False).returncode == 0:
            back = cksharden(*words, run, runs=tmp_path)
            assert back.code == 0, back.out + back.err
    assert snapshot(faults.NODE) == before
