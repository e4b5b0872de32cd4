# SPDX-License-Identifier: Apache-2.0
"""How the command ends, what --help costs, and what is shown while it works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cksharden import __version__
from cksharden.catalog import builtin_profiles, load_controls
from cksharden.cli.main import ended, run
from cksharden.cli.output import has_colours
from cksharden.cli.progress import Progress
from cksharden.errors import IncompleteError, UsageError

VERBS = [
    "init",
    "check",
    "plan",
    "apply",
    "verify",
    "rollback",
    "unlock",
    "prepare",
    "report",
    "controls",
    "explain",
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_the_exit_codes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Usage: cksharden {verb}" in said
    assert f"Examples: cksharden {verb}" in said
    assert "3 could not complete" in said


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"cksharden {__version__}\n"


def test_help_imports_nothing_that_only_work_needs() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "cksharden", "--help"]
    traced = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    loaded = {line.rpartition("|")[2].strip() for line in traced.splitlines()}
    assert not loaded & {
        "msgspec",
        "yaml",
        "rich",
        "rich.console",
        "ansible",
        "ansible_runner",
        "cksharden.catalog",
    }
    assert "typer" in loaded


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("wrong", key="--x", mend="do y"), 2, "--x: wrong\n  do y"),
        (IncompleteError("stopped"), 3, "stopped"),
        (KeyboardInterrupt(), 130, "finishes or restores its own transaction by itself"),
        (ZeroDivisionError("a bug"), 3, "internal error: ZeroDivisionError: a bug"),
        (UsageError("evil \x1b[2J"), 2, "evil \\x1b[2J"),
    ],
)
def test_an_error_is_told_in_words(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(lambda: _raise(error), debug=False) == code
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_debug_shows_where_a_bug_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(lambda: _raise(ZeroDivisionError("a bug")), debug=True) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_with_130_and_says_what_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w1.json")  # reading it never ends
    command = [
        sys.executable,
        "-m",
        "cksharden",
        "check",
        "--facts",
        str(tmp_path),
        "--runs-dir",
        str(tmp_path / "runs"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while not list(tmp_path.glob("runs/*/facts")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "cksharden: interrupted." in said
    assert "Traceback" not in said


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=False).stage("collect") as on_event:
        on_event("w1", "unreachable: \x1b[2J")
    assert capsys.readouterr().err == "collect: w1: unreachable: \\x1b[2J\n"


def test_quiet_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True).stage("collect") as on_event:
        on_event("w1", "collected")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("terminal", "variables", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_need_a_terminal_and_no_no_color(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], wanted: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_colours(terminal) is wanted


def test_the_help_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--help"]) == 0
    assert f"set of controls: {builtin_profiles()} or a file" in " ".join(
        capsys.readouterr().out.replace("│", "").split()
    )


def test_controls_lists_every_control(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.control.id for one in load_controls()]
    assert run(["controls", "--profile", "cis_1_12", "--format", "json"]) == 0
    assert all("cis_1_12" in one["profiles"] for one in json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(("key", "value"), [("severity", "high"), ("default", "report_only")])
def test_controls_can_be_narrowed(key: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", f"--{key}", value, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {one[key] for one in shown} == {value}
    assert run(["controls", f"--{key}", "nothing"]) == 2
    assert f"'{value}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("explain kubelet_tls_m", {"kubelet_tls_min_version"}),
        ("check x --control kubelet_tls_m", {"kubelet_tls_min_version"}),
        ("check x --profile cis", {"cis_1_12"}),
        ("check x --profile te", {"team.yml", "teams"}),
        ("report 2026", {"20261123T132000Z-1a2b3c", "20261122T132000Z-1a2b3c"}),
        ("verify x --run 20261122", {"20261122T132000Z-1a2b3c"}),
        ("rollback x --run 20261122", {"20261122T132000Z-1a2b3c"}),
        ("unlock x --run 20261122", {"20261122T132000Z-1a2b3c"}),
    ],
)
def test_the_shell_completes(
    words: str, offered: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Path
) -> None:
    for day in (22, 23):
        (runs / f"202611{day}T132000Z-1a2b3c").mkdir(parents=True)
        (runs / f"202611{day}T132000Z-1a2b3c" / "run.json").write_text("{}")
    (tmp_path / "team.yml").touch()
    (tmp_path / "teams").mkdir()
    asked = {"_CKSHARDEN_COMPLETE": "complete_bash", "COMP_WORDS": f"cksharden {words}"}
    environment = os.environ | asked | {"COMP_CWORD": str(len(words.split()))}
    command = [sys.executable, "-c", "from cksharden.cli.main import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == offered, done.stderr


@pytest.mark.parametrize(("form", "shown"), [("text", ""), ("json", "[]\n")])
def test_no_control_may_be_left(form: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    none = ["controls", "--severity", "critical", "--default", "report_only", "--format", form]
    assert run(none) == 0
    assert capsys.readouterr() == (shown, "cksharden: no control fits these options\n")


@pytest.mark.parametrize("control", [one.control.id for one in load_controls()])
def test_explain_says_what_why_and_where(control: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", control]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{control} (")
    assert f"{control}.yml" in said
    parts = (
        "expects",
        "asked of",
        "why",
        "breaks",
        "judged",
        "apply",
        "refs",
        "kind",
        "waive",
        "pass",
        "fail",
    )
    assert all(f"\n{name}" in said for name in parts)
    assert run(["explain", control, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == control


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (
            "kubelet_pod_pids_limit",
            "production: kube_node: at least 1024 and at most 2048; other hosts: at least 1 and at most 8192",
        ),
        (
            "kubelet_tls_min_version",
            "production: kube_control_plane: VersionTLS13; other hosts: not asked",
        ),
        ("kubelet_read_only_port", "production: all hosts: 0"),
    ],
)
def test_explain_says_what_a_profile_expects(
    control: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = Path(__file__).parents[3] / "docs/examples/profile.yml"
    assert run(["explain", control, "--profile", str(profile)]) == 0
    assert " ".join(f"profile {says}".split()) in " ".join(capsys.readouterr().out.split())
