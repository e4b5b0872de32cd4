# SPDX-License-Identifier: Apache-2.0
"""What a person sees on a terminal: a live line per host, then a report that fits; NO_COLOR and --quiet hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cksharden.cli.main import run
from cksharden.cli.options import Hosts
from tests.unit.cli.conftest import Facts
from tests.unit.cli.terminal import on_terminal

LIVE = """
import time
from cksharden.cli.progress import Progress
with Progress(quiet={quiet}).stage("apply") as on_event:
    for number in range({hosts}):
        on_event(f"w{{number:02}}", "Change the settings in a transaction of the node")
    on_event("w01", "ok")
    on_event("w02", "unreachable: \\x1b[2J timed out" + 200 * "x")
    time.sleep(0.6)
    for number in range(3, {hosts}):
        on_event(f"w{{number:02}}", "ok")
    on_event("w00", "ok")
"""


def live(*, hosts: int = 4, quiet: bool = False) -> list[str]:
    return ["-c", LIVE.format(hosts=hosts, quiet=quiet)]


def test_each_host_has_a_live_line_with_its_stage_and_one_line_stays() -> None:
    seen = on_terminal(live())
    assert seen.code == 0
    shown = seen.raw.decode()
    assert "  w00  Change the settings in a transaction of the node" in shown
    assert "  w01  ok" in shown
    assert "  w02  unreachable: \\x1b[2J timed out" in shown
    assert [line for line in seen.screen if line] == [re.search(r"apply  4/4 hosts, \d s", shown)[0]]  # type: ignore[index]


def test_many_hosts_take_no_more_than_the_screen_and_those_at_work_come_first() -> None:
    shown = on_terminal(live(hosts=60)).raw.decode()
    assert "… and 39 more" in shown  # 24 lines: one for the stage, one for the rest, one for the cursor
    assert shown.index("w00  Change") < shown.index("w03  Change")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert max(map(len, re.split("[\r\n]", plain))) <= 80


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no_color", "dumb"])
def test_no_colour_where_none_is_wanted(env: dict[str, str], facts: Facts, runs: Path) -> None:
    colours = re.compile(rb"\x1b\[[0-9;]*(3[0-9]|9[0-9])[0-9;]*m")
    words = ["-m", "cksharden", "check", "--facts", str(facts())]
    assert colours.search(on_terminal(words).raw)
    assert not colours.search(on_terminal(words, env=env).raw)
    assert not colours.search(on_terminal(live(), env=env).raw)


def test_quiet_shows_no_live_lines() -> None:
    assert on_terminal(live(quiet=True)).raw == b""


def test_a_dumb_terminal_gets_plain_lines() -> None:
    shown = on_terminal(live(), env={"TERM": "dumb"}).raw.decode()
    assert "apply: w01: ok\r\n" in shown
    assert "\x1b" not in shown


def test_a_check_fits_the_screen_and_says_how_to_see_the_rest(facts: Facts, runs: Path) -> None:
    for host in ("w1", "w2", "w3"):
        directory = facts(host)
    seen = on_terminal(["-m", "cksharden", "check", "--facts", str(directory)])
    assert seen.code in (1, 3)
    shown = [line for line in seen.screen if not line.startswith("cksharden:")]
    assert shown[0] == "Fails"
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 80
    (rest,) = (line for line in shown if " more: cksharden report " in line)
    again = rest.partition("cksharden ")[2].split()
    whole = on_terminal(["-m", "cksharden", *again])
    assert len(whole.screen) > 24
    assert whole.code == seen.code


@pytest.mark.parametrize("what", ["become", "vault"])
def test_a_password_is_asked_for_and_not_shown(what: str) -> None:
    asks = f"""
from cksharden.cli.options import Hosts
connection = Hosts(ask_{what}_pass=True).connection()
print(connection.{what}_password == "gehei" + "mnis", "mnis" in repr(connection))
"""
    seen = on_terminal(["-c", asks], typed="geheimnis\n")
    assert seen.screen[0].endswith("password:")
    assert "True False" in seen.screen
    assert b"geheimnis" not in seen.raw


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-K"], ("--ask-become-pass: there is no terminal", "give --become-password-file")),
        (["-J"], ("--ask-vault-pass: there is no terminal", "give --vault-password-file")),
        (["-K", "--become-password-file", "hosts.ini"], ("--ask-become-pass", "give one of them")),
        (["-J", "--vault-password-file", "hosts.ini"], ("--ask-vault-pass", "give one of them")),
    ],
)
def test_a_password_that_can_not_be_asked_for(
    words: list[str], says: tuple[str, ...], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hosts.ini").write_text("[kube_node]\nw1 ansible_connection=local\n")
    assert run(["check", "hosts.ini", *words]) == 2
    said = capsys.readouterr().err
    assert all(one in said for one in says), said
    assert not runs.exists()


def test_what_has_to_be_given_each_time_is_said_again() -> None:
    assert Hosts().again() == ""
    assert Hosts(ask_become_pass=True, ask_vault_pass=True).again() == " -K -J"
    files = Hosts(become_password_file=Path("a b"), vault_password_file=Path("c"))
    assert files.again() == " --become-password-file 'a b' --vault-password-file c"
