# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab.errors import LabError
from lab.process import run
from lab.up import CHECKOUT

PARENT = """
import sys
from lab.process import end_on_signals, run
end_on_signals()
print("started", flush=True)
try:
    run(["/bin/sh", "-c", f"echo $$ > {sys.argv[1]}; exec sleep {sys.argv[2]}"], finishes=sys.argv[2] == "1")
except KeyboardInterrupt:
    sys.exit(130)
"""


def start_parent(pid_file: Path, seconds: int = 60) -> tuple[subprocess.Popen[str], int]:
    """Start a process that waits for a command; return it and the process id of that command."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(pid_file), str(seconds)], cwd=CHECKOUT / "molecule/shared",
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    for _ in range(100):
        if pid_file.exists() and pid_file.read_text().strip():
            return parent, int(pid_file.read_text())
        time.sleep(0.05)
    parent.kill()
    raise AssertionError("the command never started")


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rpartition(") ")[2].startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def test_unexpected_exit_code_is_an_error_with_the_end_of_what_was_printed() -> None:
    assert run(["/bin/sh", "-c", "exit 3"], expect=frozenset({0, 3})).returncode == 3
    assert run(["/bin/sh", "-c", "exit 9"], expect=None).returncode == 9
    with pytest.raises(LabError, match=r"exit code 4: /bin/sh -c (?s:.)*the reason"):
        run(["/bin/sh", "-c", "echo the reason >&2; exit 4"])


def test_command_that_is_missing_is_an_error() -> None:
    with pytest.raises(LabError, match="no-such-command-here"):
        run(["no-such-command-here"])


def test_input_reaches_the_command_and_none_means_nothing_to_read() -> None:
    assert run(["cat"], stdin=b"hello").stdout == "hello"
    assert run(["cat"]).stdout == ""


def test_command_without_an_answer_is_killed_in_time() -> None:
    started = time.monotonic()
    with pytest.raises(LabError, match="no answer within 0 s: sleep"):
        run(["sleep", "30"], timeout=0.3)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_the_running_command_and_us(tmp_path: Path, number: signal.Signals) -> None:
    parent, child = start_parent(tmp_path / "pid")
    parent.send_signal(number)
    parent.communicate(timeout=10)
    assert parent.returncode == 130
    assert is_gone(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_command_that_must_finish_does(tmp_path: Path, number: signal.Signals) -> None:
    parent, child = start_parent(tmp_path / "pid", seconds=1)
    parent.send_signal(number)
    time.sleep(0.3)
    assert Path(f"/proc/{child}/cmdline").read_bytes() == b"sleep\x001\x00"
    parent.communicate(timeout=10)
    assert is_gone(child)


def test_command_dies_with_a_killed_lab(tmp_path: Path) -> None:
    parent, child = start_parent(tmp_path / "pid")
    parent.kill()
    parent.communicate(timeout=10)
    assert is_gone(child)
