# SPDX-License-Identifier: Apache-2.0
"""Nodes that can't be asked, or answer badly, and Ctrl-C: a reason, the exit code, and nothing touched.

What can be wrong with files on the controller is in tests/unit/cli/test_bad_input.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lab import testing
from lab.keys import ensure_keys

from tests.lab import faults
from tests.lab.command import ROOT, Ended, cksharden, snapshot

pytestmark = pytest.mark.lab

NODE = "w1"
CONTROL = ("--control", "kubelet_tls_min_version")
CONFIG = "/var/lib/kubelet/config.yaml"
_OPS = """
useradd --create-home ops
install -d -m 0700 -o ops /home/ops/.ssh
install -m 0600 -o ops /root/.ssh/authorized_keys /home/ops/.ssh/
echo 'ops ALL=(ALL) ALL' > /etc/sudoers.d/ops
"""


@dataclass(frozen=True)
class Case:
    """What is wrong with the node, how it is mended, and what must be said."""

    says: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    breaks: str = "true"
    mends: str = "true"
    code: int = 3


CASES = {
    "unreachable": Case((f"{NODE}: unreachable: ", "Connection refused"), {"ansible_port": 1}),
    "no such name": Case(
        (f"{NODE}: unreachable: ", "Could not resolve hostname"), {"ansible_host": "no-such-node.invalid"}
    ),
    "refuses the key": Case(
        (f"{NODE}: unreachable: ", "Permission denied"), {"ansible_ssh_private_key_file": "stranger"}
    ),
    "no python3": Case(
        (f"{NODE}: there is no python3", "install Python 3.9 or newer"),
        breaks="mv /usr/bin/python3 /usr/bin/python3.away",
        mends="mv /usr/bin/python3.away /usr/bin/python3",
    ),
    "wants a sudo password": Case(
        (f"{NODE}: sudo asks for a password", "--become-password-file"),
        {"ansible_user": "ops"},
        breaks=_OPS,
        mends="userdel --force --remove ops; rm /etc/sudoers.d/ops",
    ),
    "a login banner": Case(
        ("kubelet_tls_min_version",),
        breaks="cp -a /root/.bashrc /root/.bashrc.away; "
        "sed -i '1i echo CKSHARDEN-BEGIN welcome; echo \"{ authorized use only }\"' /root/.bashrc",
        mends="mv /root/.bashrc.away /root/.bashrc",
        code=1,
    ),
    "a kubelet configuration that is no YAML": Case(
        (f"{NODE}: ", CONFIG, "line 2"),
        breaks=f"mv {CONFIG} {CONFIG}.away; echo 'kind: [KubeletConfiguration' > {CONFIG}",
        mends=f"mv {CONFIG}.away {CONFIG}",
    ),
}


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """The worker alone, over connections of its own; `stranger` is a key that no node knows."""
    keys = ensure_keys()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    good = {
        "ansible_host": testing.node(NODE).address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(keys.client),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={keys.known_hosts} -o StrictHostKeyChecking=yes "
        "-o IdentitiesOnly=yes -o ControlMaster=no -o ControlPath=none",
    }
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"kube_node": {"hosts": {NODE: good}}}))
    return path


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_node_is_told_apart_and_left_alone(case: Case, inventory: Path, tmp_path: Path) -> None:
    hosts = json.loads(inventory.read_text())
    variables = dict(case.variables)
    if "ansible_ssh_private_key_file" in variables:
        variables["ansible_ssh_private_key_file"] = str(tmp_path / "stranger")
    hosts["kube_node"]["hosts"][NODE] |= variables
    inventory.write_text(json.dumps(hosts))
    testing.run(NODE, case.breaks)
    try:
        before = snapshot(NODE)
        verbs: tuple[tuple[str, ...], ...] = (
            (("check",),) if case.code == 1 else (("check",), ("apply", "--yes"))
        )
        for verb in verbs:
            ended = cksharden(*verb, str(inventory), *CONTROL, runs=tmp_path / "runs")
            assert ended.code == case.code, ended.out + ended.err
            assert all(words in ended.out + ended.err for words in case.says), ended.out + ended.err
            assert "Traceback" not in ended.out + ended.err
        assert snapshot(NODE) == before
    finally:
        testing.run(NODE, case.mends)


@contextmanager
def slow_ssh(directory: Path) -> Iterator[Callable[[], object]]:
    """Have ssh take its time; what it yields returns as soon as ssh was called."""
    called, program = directory / "called", directory / "ssh"
    called.unlink(missing_ok=True)
    program.write_text(f'#!/bin/sh\ntouch {called}\nsleep 20\nexec ssh "$@"\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_SSH_EXECUTABLE", str(program))
        yield partial(faults.wait, called.exists, 60, "no ssh was called")


def interrupted(*words: str, runs: Path, when: Callable[[], object]) -> Ended:
    """Run a command and press Ctrl-C as soon as `when` holds, or returns."""
    with subprocess.Popen(
        [sys.executable, "-m", "cksharden", *words],
        cwd=ROOT,
        env=os.environ | {"CKSHARDEN_RUNS_DIR": str(runs)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        when()
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does it: to all that run in it
        out, err = running.communicate(timeout=60)
    assert "interrupted" in err, out + err
    assert "Traceback" not in out + err
    return Ended(running.returncode, out, err)


@pytest.mark.parametrize("verb", ["check", "plan", "apply --yes", "unlock --run 20260101T000000Z-000000"])
def test_ctrl_c_while_facts_are_collected(verb: str, inventory: Path, tmp_path: Path) -> None:
    before = snapshot(NODE)
    name, *options = verb.split()
    controls = () if name == "unlock" else CONTROL
    with slow_ssh(tmp_path) as called:
        ended = interrupted(name, str(inventory), *options, *controls, runs=tmp_path / "runs", when=called)
    assert ended.code == 130
    assert snapshot(NODE) == before


@pytest.mark.usefixtures("faulty_node")
def test_ctrl_c_while_nodes_change_are_verified_and_put_back(tmp_path: Path) -> None:
    """The node ends what it has begun by itself; the message names the run, and the next command converges."""
    runs = tmp_path / "runs"
    before = snapshot(NODE)
    words = (faults.inventory(), "--limit", NODE, "--yes")
    faults.plant("gating", "hold")
    applied = interrupted("apply", *words, *CONTROL, runs=runs, when=faults.wait_held)
    faults.release()
    (run,) = (path.name for path in runs.iterdir())
    assert applied.code == 130
    assert f"cksharden rollback {faults.inventory()} --limit {NODE} --run {run}" in applied.err
    assert faults.wait_settled(run)["outcome"] == "committed"
    testing.wait_ready(NODE)
    with slow_ssh(tmp_path) as called:
        verified = interrupted("verify", *words[:-1], "--run", run, runs=runs, when=called)
    assert verified.code == 130
    proved = cksharden("verify", *words[:-1], "--run", run, runs=runs)
    assert "proved 1, missed 0, worse 0" in proved.out, proved.out + proved.err

    faults.plant("gating", "hold")
    back = interrupted("rollback", *words, "--run", run, runs=runs, when=faults.wait_held)
    faults.release()
    assert back.code == 130
    again = next(path.name for path in runs.iterdir() if (path / "rollback.json").exists())
    assert faults.wait_settled(again)["outcome"] == "committed"
    testing.wait_ready(NODE)
    assert snapshot(NODE) == before
    # Nobody was there to give the lock back.
    unlocked = cksharden("unlock", faults.inventory(), "--run", again, runs=runs)
    assert unlocked.code == 0, unlocked.err
    assert f"removed the lock of run {again}" in unlocked.out
