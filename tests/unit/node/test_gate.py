# SPDX-License-Identifier: Apache-2.0
"""What the gate of a kubelet takes for proof, and the API server and the log that it asks."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import gate
from ansible_collections.cksharden.node.plugins.module_utils.node.gate import Gate, GateError
from ansible_collections.cksharden.node.plugins.module_utils.node.node_name import node_name
from ansible_collections.cksharden.node.plugins.module_utils.node.system import System, error_line
from tests.unit.node.fakes import FakeNode

UNIT = "kubelet.service"
SETTINGS = gate.settings({"window": 10, "limit": 60})[0]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("kubelet",), "host.example"),
        (("kubelet", "--hostname-override=Other"), "other"),
        (("kubelet", "--hostname-override", "Other", "--v=2"), "other"),
        (("kubelet", "--hostname-override=a", "--hostname-override=b"), "b"),
        (("kubelet", "--hostname-override"), "host.example"),
    ],
)
def test_node_name(argv: tuple[str, ...], name: str) -> None:
    assert node_name(argv, "Host.example") == name


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (("k", "--config-dir=/d", "--v=2"), ""),
        (("k", "--v=2", "--config-dir=/d"), ""),
        (("k", "--v=2"), "--config-dir is missing"),
        (("k", "--config-dir=/d", "--v=2", "--token=secret"), "--token was not planned"),
        (("k", "--config-dir=/d", "--v=2", "--v=2"), "--v was not planned"),
        (("(kubelet)",), "a word is missing"),
    ],
)
def test_the_command_line_is_compared_without_telling_values(found: tuple[str, ...], told: str) -> None:
    check = gate.expect_change(("k", "--tls=1", "--v=2"), ["--config-dir=/d"], ["--tls=1"])
    answer = check(found)
    assert (told in answer) if told else not answer
    assert "secret" not in answer


def watch(node: FakeNode, *, ask_api: bool = True, expected: tuple[str, ...] | None = None) -> float:
    """Restart and watch; return the seconds that it took."""
    before = node.system.monotonic()
    watched = Gate(node.system, UNIT, SETTINGS, "w1")
    watched.restart(daemon_reload=True)
    digest = None if expected is None else gate.arguments_digest(expected)
    watched.watch(gate.expect_digest(digest), ask_api=ask_api)
    return node.system.monotonic() - before


def test_it_holds_after_the_window(node: FakeNode) -> None:
    assert SETTINGS["window"] <= watch(node) <= SETTINGS["window"] + 12
    assert watch(node, ask_api=False) == pytest.approx(SETTINGS["window"], abs=1.5)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("dies", "ended after its restart"),
        ("never_ready", "did not turn Ready within 60 s"),
        ("no_lease", "did not renew its Lease within 60 s"),
        ("no_api", "the API server did not answer"),
    ],
)
def test_it_does_not_hold(node: FakeNode, fault: str, told: str) -> None:
    node.system.set(fault=fault, always=True)
    with pytest.raises(GateError, match=told):
        watch(node)


def test_another_command_line_does_not_hold(node: FakeNode) -> None:
    with pytest.raises(GateError, match="not the one from before"):
        watch(node, expected=("other",))


def test_a_process_that_was_not_started_anew_does_not_hold(node: FakeNode) -> None:
    watched = Gate(node.system, UNIT, SETTINGS, "w1")
    node.system.sleep(5)
    watched._ticks = node.system.ticks()
    with pytest.raises(GateError, match="no new kubelet process was there within 60 s"):
        watched.watch(gate.expect_digest(None), ask_api=True)


def test_a_second_start_does_not_hold(node: FakeNode) -> None:
    class Restless(type(node.system)):  # type: ignore[misc]
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.get("now") > 1005:
                self.start_kubelet()

    node.system = Restless(node.root)
    with pytest.raises(GateError, match="more than once"):
        watch(node)


def test_an_error_line_is_the_one_that_ended_it_and_holds_no_secret() -> None:
    lines = [
        "I1123 14:38:00.0 1 server.go:1] starting",
        'E1123 14:38:00.1 1 run.go:72] "command failed" err="bad --token=abcdef.0123456789abcdef \x1b[31m"',
        'E1123 14:38:00.2 1 other.go:1] "noise"',
        "kubelet.service: Failed with result 'exit-code'.",
    ]
    found = error_line(lines)
    assert found is not None
    assert "command failed" in found
    assert "abcdef.0123456789abcdef" not in found
    assert "\x1b" not in found
    assert "noise" in str(error_line(lines[2:]))
    assert "Failed" in str(error_line(lines[3:]))
    assert error_line(lines[:1]) is None
    assert len(str(error_line([lines[1] + "x" * 5000]))) <= 500


def test_processes_and_clocks_of_this_machine() -> None:
    system = System()
    before = system.ticks()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "(odd) name"]) as child:
        time.sleep(0.2)
        process = system.process(child.pid)
        assert process is not None
        assert process.argv[-1] == "(odd) name"
        assert before - 1 <= process.started <= system.ticks()
        assert abs(system.epoch_of(process.started) - time.time()) < 5
        child.kill()
    assert system.process(child.pid) is None
    assert system.process(0) is None
    assert len(system.boot_id()) == 36
    assert system.host_name() == os.uname().nodename
