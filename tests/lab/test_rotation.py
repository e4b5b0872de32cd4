# SPDX-License-Identifier: Apache-2.0
"""A change of the key that is cut off is told of, and the next apply goes on with it.

It leaves secrets encrypted: nodes keep their last five runs, and this makes as many.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.command import cksharden, findings
from tests.lab.hardened import planes, stored
from tests.lab.test_encryption import (
    CONTROLS,
    LAB,
    PROVIDER,
    SECRETS,
    VALUE,
    beginning,
    create,
    the_keys,
    value_of,
)

pytestmark = [pytest.mark.lab, pytest.mark.control_plane, pytest.mark.faults]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A control plane that encrypts, and a Secret from before."""
    testing.wait_ready()
    create("rotated")
    apply(tmp_path_factory.mktemp("runs"))


def apply(runs: Path) -> None:
    done = cksharden("apply", LAB, *CONTROLS, "--yes", "--quiet", runs=runs)
    assert done.code == 0, done.out + done.err


def cut_off(plane: str, directory: Path, *, in_round: int) -> None:
    """Ask for another key and have that cut off: cksharden in round 1, or the agent in round 2."""
    faults.install(plane)
    try:
        faults.plant("gating", "hold", plane)
        wanted = static_pods.profile(directory, "apiserver_encryption_provider")
        run = static_pods.Apply(directory, wanted, "--new-encryption-key")
        faults.wait_held(400, node=plane)
        if in_round == 1:
            run.kill()
        else:
            faults.plant("gating", "kill", plane)
        faults.release(plane)
        if in_round == 2:
            ended = run.wait()
            assert ended.code == 3, ended.out
            assert "stopped after the step gating" in ended.out
        unit = "systemctl is-active --quiet cksharden-agent.service"
        faults.wait(
            lambda: testing.run(plane, unit, check=False).returncode != 0, 200, "the node is not done"
        )
    finally:
        faults.remove(plane)


@pytest.mark.usefixtures("encrypted")
@pytest.mark.parametrize("in_round", [1, 2])
def test_a_change_of_key_that_was_cut_off_is_told_and_finished(in_round: int, tmp_path: Path) -> None:
    """The node ends round 1 alone, and goes back to it and no further; the next apply goes on."""
    plane, (old,) = planes()[0], the_keys()
    cut_off(plane, tmp_path, in_round=in_round)
    first, second = the_keys()
    assert first == old
    found = findings(LAB, *CONTROLS, runs=tmp_path / "check")[plane, PROVIDER]
    assert (found["status"], "a run ended between its rounds" in found["reason"]) == ("fail", True), found
    apply(tmp_path / "again")
    assert the_keys() == [second]
    assert stored(f"{SECRETS}/rotated").startswith(beginning(second["name"]))
    assert value_of("rotated") == VALUE
