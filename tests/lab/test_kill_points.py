# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, cut or broken in the middle: the node ends as before or as planned, by itself.

Every row works on the node that the row before left, so each also shows that the next run converges.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from lab import testing

from ansible_collections.cksharden.node.plugins.module_utils.node.journal import STEPS
from tests.lab import faults
from tests.lab.faults import Harden

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("faulty_node")]

DROP_IN = "/etc/kubernetes/kubelet.conf.d/99-cksharden.conf"
NUMBERS = itertools.count(1)
FAILING = ("restoring", "restored")
UNREACHED = ("refused", "abandoned")
REACHED = tuple(step for step in STEPS if step not in FAILING + UNREACHED)


def rows(*cheap: str, steps: tuple[str, ...] = STEPS) -> list[Any]:
    return [pytest.param(step, marks=() if step in cheap else pytest.mark.faults) for step in steps]


def drawn(steps: tuple[str, ...]) -> str:
    """Return one of several, another one with each commit: CI kills there, `nox -s faults` everywhere."""
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=faults.ROOT, capture_output=True, text=True, check=False).stdout
    return random.Random(commit.strip()).choice(steps)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def before(directory: Path) -> dict[str, Any]:
    """A node that is as kubeadm made it: what an earlier row left as planned is taken back."""
    state = faults.look()
    if DROP_IN in state["seen"]:
        done = [
            run for run, records in state["journals"].items() if records[-1][1].get("outcome") == "committed"
        ]
        take_back(max(done).split("/")[0], directory)
        state = faults.look()
    assert faults.accepts_tls12()
    seen: dict[str, Any] = state["seen"]
    return seen


def name() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{next(NUMBERS):06x}"


def start(directory: Path, **extra: Any) -> Harden:
    return Harden(name(), directory, **{"kubelet_settings": faults.KUBELET_SETTINGS, **extra})


def take_back(run: str, directory: Path) -> None:
    code, output = Harden(name(), directory, "rollback", cksharden_rollback_run=run).wait()
    assert code == 0, output


def assert_settled(run: str, before: dict[str, Any]) -> dict[str, Any]:
    """The node is as before or as planned, file by file and in what its kubelet does; return its end."""
    closed = faults.wait_settled(run)
    testing.wait_ready(faults.NODE)
    seen = faults.look()["seen"]
    if closed["outcome"] == "committed":
        assert "tlsMinVersion" in testing.run(faults.NODE, ["cat", DROP_IN]).stdout
        assert not faults.accepts_tls12()
    else:
        assert seen == before
        assert faults.accepts_tls12()
    return closed


@pytest.mark.parametrize("step", rows(drawn(REACHED), steps=REACHED))
def test_the_agent_is_killed(step: str, before: dict[str, Any], directory: Path) -> None:
    faults.plant(step, "kill")
    run = start(directory)
    code, output = run.wait()
    closed = assert_settled(run.run, before)
    expected = {"committed": "committed", "closed": "committed"}
    reached = STEPS.index(step) >= STEPS.index("swapping")
    assert closed["outcome"] == expected.get(step, "restored" if reached else "abandoned")
    assert closed["proved"]
    assert (code == 0) == (closed["outcome"] == "committed"), output


@pytest.mark.parametrize("step", rows(steps=FAILING))
def test_the_agent_is_killed_while_it_restores(step: str, before: dict[str, Any], directory: Path) -> None:
    faults.plant(step, "kill")
    run = start(directory, kubelet_settings=[{"key": "tlsMinVersion", "value": "VersionTLS99"}])
    assert run.wait()[0] != 0
    assert assert_settled(run.run, before)["outcome"] == "restored"


@pytest.mark.parametrize("step", rows(steps=("begin", "staged", "swapped", "gating", "committed")))
def test_the_controller_is_killed(step: str, before: dict[str, Any], directory: Path) -> None:
    faults.plant(step, "hold")
    run = start(directory)
    faults.wait_held()
    run.kill()
    faults.release()
    assert assert_settled(run.run, before)["outcome"] == "committed"


@pytest.mark.parametrize(
    "step", rows(steps=("begin", "staged", "swapping", "swapped", "gating", "committed"))
)
def test_the_node_is_cut_from_power(step: str, before: dict[str, Any], directory: Path) -> None:
    faults.plant(step, "hold")
    run = start(directory)
    faults.wait_held()
    testing.power_cut(faults.NODE)
    testing.start(faults.NODE)
    faults.release()  # a file of the test's own; the process that was held is gone
    outcome = assert_settled(run.run, before)["outcome"]
    code, output = run.wait()
    assert (code == 0) == (outcome == "committed"), output
    assert outcome == {"begin": "abandoned", "staged": "abandoned", "committed": "committed"}.get(
        step, "restored"
    )


@pytest.mark.faults
def test_the_network_stalls(before: dict[str, Any], directory: Path) -> None:
    """The connection of the controller outlives it."""
    faults.plant("swapping", "hold")
    run = start(directory)
    faults.wait_held()
    with faults.network_cut():
        faults.release()
        time.sleep(12)
    code, output = run.wait()
    assert code == 0, output
    assert assert_settled(run.run, before)["outcome"] == "committed"


@pytest.mark.faults
def test_the_network_is_cut(before: dict[str, Any], directory: Path) -> None:
    """The connection of the controller does not outlive it; the node goes on alone."""
    faults.plant("swapping", "hold")
    run = start(directory, ssh=faults.IMPATIENT)
    faults.wait_held()
    with faults.network_cut():
        faults.release()
        closed = assert_settled(run.run, before)
    assert closed["outcome"] == "committed"
    run.wait()
    code, output = start(directory).wait()
    assert code == 0, output
    assert "changed=0" in output


def test_the_kubelet_refuses_its_configuration(before: dict[str, Any], directory: Path) -> None:
    run = start(directory, kubelet_settings=[{"key": "tlsMinVersion", "value": "VersionTLS99"}])
    code, output = run.wait()
    closed = assert_settled(run.run, before)
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    assert "VersionTLS99" in closed["kubelet_error"]
    assert code != 0
    assert "VersionTLS99" in output


def test_the_kubelet_dies_within_the_window(before: dict[str, Any], directory: Path) -> None:
    faults.plant("gating", "hold")
    run = start(directory)
    faults.wait_held()
    faults.release()
    time.sleep(4)
    testing.run(faults.NODE, "kill -9 $(systemctl show -p MainPID --value kubelet)")
    assert run.wait()[0] != 0
    closed = assert_settled(run.run, before)
    assert (closed["outcome"], closed["proved"]) == ("restored", True)
    assert "ended" in closed["reason"]


@pytest.mark.faults
def test_the_node_never_turns_ready(before: dict[str, Any], directory: Path) -> None:
    conflist = "/etc/cni/net.d/10-lab.conflist"
    # A change in a directory of the image is not always noticed: overlayfs and inotify.
    notice = "systemctl restart containerd"
    faults.plant("swapped", "hold")
    run = start(directory)
    try:
        # Away once the checks are over: without a network plugin a node is not Ready.
        faults.wait_held()
        testing.run(faults.NODE, f"mv {conflist} /root/ && {notice}")
        faults.plant("restoring", "hold")
        faults.release()
        faults.wait_held()
    finally:
        testing.run(faults.NODE, f"mv /root/{Path(conflist).name} {conflist} && {notice}")
    faults.release()
    assert run.wait()[0] != 0
    closed = assert_settled(run.run, before)
    assert closed["outcome"] == "restored"
    assert "did not turn Ready" in closed["reason"]


@pytest.mark.parametrize("step", rows("checked", steps=("checked", "staged", "swapped")))
def test_the_disk_is_full(step: str, before: dict[str, Any], directory: Path) -> None:
    with faults.small_disk():
        faults.plant(step, "hold")
        run = start(directory)
        faults.wait_held()
        testing.run(faults.NODE, f"cat /dev/zero > {faults.BASE}/filler", check=False)
        faults.release()
        code, output = run.wait()
        closed = assert_settled(run.run, before)
        assert (code == 0) == (closed["outcome"] == "committed"), output
        if closed["outcome"] == "committed":
            testing.run(faults.NODE, f"rm {faults.BASE}/filler")
            take_back(run.run, directory)


@pytest.mark.faults
@pytest.mark.parametrize("way", ["by hand", "the next run"])
def test_somebody_takes_the_agent_away(way: str, before: dict[str, Any], directory: Path) -> None:
    faults.plant("swapped", "hold")
    run = start(directory)
    faults.wait_held()
    unit = "cksharden-agent.service"
    testing.run(
        faults.NODE, f"systemctl disable {unit}; systemctl kill -s KILL {unit}; systemctl stop {unit}"
    )
    testing.run(faults.NODE, f"rm /etc/systemd/system/{unit}; systemctl daemon-reload")
    run.kill()
    faults.release()
    if way == "by hand":  # as docs/safety.md says
        place = f"{faults.BASE}/{run.run}/kubelet"
        testing.run(faults.NODE, ["python3", f"{place}/agent.py", place])
    else:
        code, output = start(directory).wait()
        assert code != 0
        assert "has been started again" in output
    assert assert_settled(run.run, before)["outcome"] == "restored"


@pytest.mark.faults
def test_the_files_are_put_back_by_hand(before: dict[str, Any], directory: Path) -> None:
    """As docs/safety.md says for a node without Python."""
    faults.plant("gating", "hold")
    run = start(directory)
    faults.wait_held()
    run.kill()
    testing.run(
        faults.NODE,
        f"""
        set -e
        systemctl disable --now cksharden-agent.service
        cd {faults.BASE}/{run.run}/kubelet
        cp backup/2 /etc/default/kubelet && chmod 0644 /etc/default/kubelet
        rm /etc/kubernetes/kubelet.conf.d/99-cksharden.conf
        rmdir /etc/kubernetes/kubelet.conf.d
        rm -f /etc/.cksharden-* /etc/kubernetes/.cksharden-* /var/lib/.cksharden-*
        rm -f /etc/systemd/system/cksharden-agent.service
        systemctl daemon-reload
        systemctl reset-failed kubelet; systemctl restart kubelet
        rm -r {faults.BASE}/{run.run}
        """,
    )
    faults.release()
    testing.wait_ready(faults.NODE)
    state = faults.look()
    assert state["left"] == []
    times = {path: entry[:4] + entry[5:] for path, entry in state["seen"].items()}
    assert times == {path: entry[:4] + entry[5:] for path, entry in before.items()}
    assert faults.accepts_tls12()


@pytest.mark.faults
def test_the_next_run_converges(before: dict[str, Any], directory: Path) -> None:
    run = start(directory)
    assert run.wait()[0] == 0
    assert assert_settled(run.run, before)["outcome"] == "committed"
    again = start(directory)
    code, output = again.wait()
    assert code == 0
    assert "changed=0" in output
    take_back(run.run, directory)
    assert faults.look()["seen"] == before
