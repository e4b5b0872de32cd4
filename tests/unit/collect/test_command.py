# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.command import CommandError, ask


def alive(session: int) -> bool:
    """Whether a process of the session is left that is not just waiting to be reaped."""
    time.sleep(0.1)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


def test_output() -> None:
    assert ask(["sh", "-c", "printf out; printf err >&2"], 5, 100) == b"out"


def test_input_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    script = "cat /dev/stdin; echo $ADDED $HTTPS_PROXY"
    assert ask(["sh", "-c", script], 5, 100, b"given\n", {"ADDED": "more"}) == b"given\nmore\n"
    assert ask(["cat"], 5, 100) == b""


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["cksharden-no-such-program"], "cksharden-no-such-program: No such file or directory"),
        (["sh", "-c", "echo first >&2; echo last >&2; exit 3"], "sh failed with 3: last"),
        (["sh", "-c", "echo error: this >&2; echo hint >&2; exit 1"], "sh failed with 1: this"),
        (["sh", "-c", "exit 4"], "sh failed with 4: no message"),
        (["sh", "-c", "kill -9 $$"], "sh failed with -9"),
        (["sh", "-c", "yes"], "sh: it said more than 100 bytes"),
        (["sh", "-c", "yes >&2"], "sh: it said more than 100 bytes"),
    ],
)
def test_failures(words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        ask(words, 5, 100)


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "sleep 60 & wait", "(sleep 60)"])
def test_a_program_that_hangs_is_killed_with_its_children(script: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    started = time.monotonic()
    with pytest.raises(CommandError, match="did not end in time"):
        ask(["sh", "-c", f"echo $$ >{pids}; {script}"], 0.5, 100)
    assert time.monotonic() - started < 5
    assert not alive(int(pids.read_text()))


def test_what_a_program_leaves_behind_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    ask(["sh", "-c", f"echo $$ >{pids}; sleep 60 >/dev/null 2>&1 &"], 5, 100)
    assert not alive(int(pids.read_text()))


def test_nothing_is_read_from_our_own_input() -> None:
    assert ask(["sh", "-c", "cat; echo end"], 5, 100) == b"end\n"
