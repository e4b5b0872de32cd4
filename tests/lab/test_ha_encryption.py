# SPDX-License-Identifier: Apache-2.0
"""Three control planes encrypt what etcd stores by one key, and none of them stays behind on the way back.

The tests are one story in the order of this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing

from tests.lab.command import cksharden, snapshot
from tests.lab.hardened import ENCRYPTION, planes, stored

pytestmark = [pytest.mark.ha, pytest.mark.control_plane]

INVENTORY = "inventories/lab-ha"
CONTROLS = ("--control", "apiserver_encryption_at_rest", "--control", "apiserver_encryption_provider")
SECRET, VALUE = "/registry/secrets/default/of-all", "a value that nobody guesses"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    testing.wait_ready()
    testing.kubectl("create", "secret", "generic", "of-all", f"--from-literal=value={VALUE}")
    yield tmp_path_factory.mktemp("runs")
    testing.kubectl("delete", "secret", "of-all", "--ignore-not-found")


@pytest.fixture(scope="module")
def before(runs: Path) -> dict[str, dict[str, str]]:
    """The files of each control plane, before any of them changes."""
    del runs
    return {name: snapshot(name, times=False) for name in planes()}


@pytest.fixture(scope="module")
def encrypted(runs: Path, before: dict[str, dict[str, str]]) -> str:
    """The run that encrypted."""
    del before
    done = cksharden("apply", INVENTORY, *CONTROLS, "--yes", "--quiet", runs=runs, timeout=1500)
    assert done.code == 0, done.out + done.err
    return done.run


def test_all_write_by_one_key(encrypted: str, runs: Path) -> None:
    assert encrypted
    assert len({testing.run(name, f"sha256sum < {ENCRYPTION}").stdout for name in planes()}) == 1
    assert stored(SECRET).startswith(b"k8s:enc:secretbox:v1:cksharden-")
    again = cksharden("apply", INVENTORY, *CONTROLS, "--yes", "--quiet", runs=runs)
    assert (again.code, "nothing to change" in again.err) == (0, True), again.out + again.err


def test_one_alone_does_not_go_back(encrypted: str, runs: Path) -> None:
    """It would lose the key by which the others write."""
    first, *others = planes()
    held = {name: snapshot(name) for name in planes()}
    back = cksharden("rollback", INVENTORY, "--run", encrypted, "--limit", first, "--yes", runs=runs)
    assert back.code == 3, back.out + back.err
    assert f"{', '.join(others)} would go on writing by a key that the others no longer have" in back.err
    assert {name: snapshot(name) for name in planes()} == held


def test_all_go_back_together(encrypted: str, runs: Path, before: dict[str, dict[str, str]]) -> None:
    back = cksharden("rollback", INVENTORY, "--run", encrypted, "--yes", "--quiet", runs=runs, timeout=1500)
    assert back.code == 0, back.out + back.err
    assert VALUE.encode() in stored(SECRET)
    assert {name: snapshot(name, times=False) for name in planes()} == before
