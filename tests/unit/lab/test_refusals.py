# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lab.cli import main, parser
from lab.errors import RefusedError
from lab.gobuild import components
from lab.packages import PACKAGES, check_may_install, distribution, missing_packages
from lab.state import State, check_free, exclusive, forget_state, read_state, write_state

LAB = State("single", "1.37.2", "/home/ops/cksharden", "/home/ops/.cache/cksharden-lab", "ready", "abc")


def test_missing_packages_are_those_whose_programs_are_not_there() -> None:
    assert missing_packages(lambda sign: True) == []
    assert missing_packages(lambda sign: False) == list(PACKAGES)
    assert missing_packages(lambda sign: sign != "mmdebstrap") == ["mmdebstrap"]


def test_packages_are_installed_by_root_on_debian_and_ubuntu_alone() -> None:
    check_may_install([], 1000, "fedora")
    check_may_install(["podman"], 0, "debian")
    check_may_install(["podman"], 0, "ubuntu")
    with pytest.raises(RefusedError, match="apt-get install --no-install-recommends podman runc") as refused:
        check_may_install(["podman", "runc"], 1000, "debian")
    assert refused.value.exit_code == 2
    with pytest.raises(RefusedError, match="podman runc") as refused:
        check_may_install(["podman", "runc"], 0, "fedora")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [('ID=debian\nVERSION_ID="12"\n', "debian"), ('NAME="U"\nID="ubuntu"\n', "ubuntu"), ("NAME=x\n", "")],
)
def test_distribution_is_read_from_os_release(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "os-release").write_text(text)
    assert distribution(tmp_path / "os-release") == name
    assert distribution(tmp_path / "absent") == ""


@pytest.mark.parametrize(
    "other",
    [
        replace(LAB, topology="ha"),
        replace(LAB, kubernetes="1.36.3"),
        replace(LAB, checkout="/elsewhere"),
    ],
)
def test_second_lab_is_refused_naming_the_first_and_what_removes_it(other: State) -> None:
    check_free(None, other)
    check_free(LAB, replace(LAB, phase="building", recipe="def"))
    with pytest.raises(RefusedError) as refused:
        check_free(LAB, other)
    assert "single, Kubernetes 1.37.2, of /home/ops/cksharden" in str(refused.value)
    assert "nox -s lab -- down" in str(refused.value)
    assert refused.value.exit_code == 2


def test_unfinished_lab_is_called_so() -> None:
    assert replace(LAB, phase="building").describe().endswith(", unfinished")


def test_state_is_what_was_written_until_it_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert read_state(folder) is None
    write_state(LAB, folder)
    assert read_state(folder) == LAB
    forget_state(folder)
    forget_state(folder)
    assert read_state(folder) is None


def test_two_processes_cannot_work_on_the_lab_at_once(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(RefusedError, match=r"process \d+ is making"),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass


@pytest.mark.parametrize("words", [["up", "--kubernetes", "1.2.3"], ["offer", "1.2.3"]])
def test_unknown_kubernetes_version_is_refused_naming_those_that_there_are(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RefusedError, match=r"Kubernetes 1\.2\.3: there is 1\.36\.3, 1\.37\.2"):
        components("1.2.3")
    assert main(words) == 2
    assert "1.37.2" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["up", "--topology", "five"], ["sideways"], ["shell"], ["offer"]])
def test_bad_command_line_exits_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_help_names_every_verb() -> None:
    shown = parser().format_help()
    for verb in ("up", "status", "shell", "offer", "down", "prune"):
        assert f"    {verb} " in shown
