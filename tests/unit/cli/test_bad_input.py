# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with the input: the exit code, a message that names it and the mend, and nothing touched.

What can be wrong with nodes is in tests/lab/test_bad_input.py. Here every row goes through the command line; what
else can be wrong within a file of one sort is beside that sort (tests/unit/{controls,stages,rundir}).
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cksharden.cli.main import run
from tests.unit.stages.test_plan import node

Prepare = Callable[[Path], None]
ROOT = Path(__file__).resolve().parents[3]
GOOD_FACTS = {"format": "cksharden-facts", "schema": "1.0", "host": "w1", "sections": {}}
CONTROL = "cksharden/controls/kubelet/kubelet_anonymous_auth.yml"
WAIVER = {
    "control": "kubelet_config_mode",
    "hosts": "w1",
    "owner": "a",
    "reason": "b",
    "expires": "2999-01-31",
}


def _nothing(place: Path) -> None:
    """Prepare nothing."""


def _written(name: str, text: str, *copies: str) -> Prepare:
    """Make a preparation that writes a file, and copies of it."""

    def prepare(place: Path) -> None:
        for each in (name, *copies):
            (place / each).parent.mkdir(parents=True, exist_ok=True)
            (place / each).write_text(text, encoding="utf-8", errors="surrogateescape")

    return prepare


def _facts(**changes: object) -> Prepare:
    return _written("facts/w1.json", json.dumps(GOOD_FACTS | changes))


def _huge(place: Path) -> None:
    """Write facts of 200 MB, of which a disk sees none."""
    _facts()(place)
    with (place / "facts/w1.json").open("ab") as stream:
        stream.truncate(200_000_000)


def _kubelet_configuration(text: str) -> Prepare:
    """Make the facts of a worker whose kubelet has such a configuration."""
    sections: dict[str, Any] = copy.deepcopy(node().sections)
    sections["kubelet"]["data"]["files"]["/var/lib/kubelet/config.yaml"]["text"] = text
    return _facts(sections=sections)


def _control(old: str, new: str) -> Prepare:
    """Lay out a copy of cksharden, as a checkout is one, and edit a control in it."""

    def prepare(place: Path) -> None:
        shutil.copytree(ROOT / "cksharden", place / "cksharden")
        (place / "ansible_collections").symlink_to(ROOT / "ansible_collections")
        text = (place / CONTROL).read_text(encoding="utf-8")
        assert old in text
        (place / CONTROL).write_text(text.replace(old, new), encoding="utf-8")

    return prepare


def _team(**files: str) -> Prepare:
    """Write an inventory with files beside it, and what an earlier run has collected from it."""
    noted = {"format": "cksharden-inventory", "schema": "1.0", "groups": {"all": ["w1"], "rack1": ["w1"]}}

    def prepare(place: Path) -> None:
        _written("old/inventory.json", json.dumps(noted))(place)
        _written("old/facts/w1.json", json.dumps(GOOD_FACTS))(place)
        for name, text in ({"hosts": ""} | files).items():
            _written(f"team/{name}.yml", text)(place)

    return prepare


def _waiver(but: str = "", **changes: str) -> Prepare:
    """Write a team's one waiver, without the key `but`."""
    told = {key: value for key, value in (WAIVER | changes).items() if key != but}
    return _team(
        waivers="waivers:\n  - {" + ", ".join(f"{key}: {value}" for key, value in told.items()) + "}\n"
    )


@dataclass(frozen=True)
class Case:
    """A command line, what the message must say (where, then the mend), what is there, the exit code."""

    arguments: str
    says: tuple[str, ...]
    prepare: Prepare = _nothing
    code: int = 2


FACTS, TEAM = "check --facts facts", "check team --facts old/facts"
PROFILE = f"{FACTS} --profile own.yml"
OWN = "id: own\ntitle: t\n"
TUNED = f"{OWN}extends: cks\nparameters:\n  "
POLICY = f"""{TUNED}apiserver_audit_policy:
    write: {{name: p, content: {{kind: Policy, rules: [{{level: Bogus}}]}}}}
"""
INVENTORY = _written("hosts.ini", "[kube_node]\nw1 ansible_connection=local\n")
EMPTY = _written("hosts.yml", "all: {}\n")
RUN = "20261123T132000Z-1a2b3c"
MEND_FACTS = "collect again, or take this file away"
MEND_CONTROL, MEND_WAIVER = "see docs/writing-a-control.md", "see docs/profiles-and-waivers.md"

# fmt: off
CASES = {
    # The command line itself.
    "no verb": Case("", ("Usage",)),
    "unknown verb": Case("audit", ("No such command 'audit'", "cksharden -h")),
    "unknown option": Case("check x --fast", ("No such option: --fast", "--facts")),
    "unknown format": Case("check x --format xml", ("--format", "xml", "'text', 'json'")),
    "no forks": Case("check x --forks 0", ("--forks", "not in the range x>=1")),
    "nobody may be unavailable": Case("apply x --max-unavailable 0", ("--max-unavailable", "range x>=1")),
    "limit of facts": Case(f"{FACTS} -l w1", ("--limit: ", "leave it out"), _facts()),
    "unknown profile": Case(f"{FACTS} --profile pci", ("--profile: no such profile: pci", "use cis_1_12")),
    "unknown control": Case(f"{FACTS} --control kubelet_tsl", ("--control: ", "did you mean"), _facts()),
    "unknown control to explain": Case("explain kubelet_tls_min", ("did you mean kubelet_tls_min_version",)),
    "apply without anyone to ask": Case("apply hosts.ini", ("no terminal", "give --yes"), INVENTORY),
    "rollback without anyone to ask": Case(f"rollback hosts.ini --run {RUN}", ("give --yes",), INVENTORY),
    "rollback of nothing": Case("rollback hosts.ini", ("--run",), INVENTORY),
    "rollback of no run": Case("rollback hosts.ini --yes --run yesterday", ("--run: 'yesterday'", RUN), INVENTORY),
    "prepare without anyone to ask": Case("prepare hosts.ini -l w1", ("give --yes",), INVENTORY),
    "prepare of everybody": Case("prepare hosts.ini --yes", ("--limit: which machine",), INVENTORY),
    "key is not there": Case("check hosts.ini --private-key k", ("k: --private-key: ", "name a file"), INVENTORY),
    "password file is not there": Case("check hosts.ini --become-password-file k",
        ("k: --become-password-file: ", "name a file"), INVENTORY),
    "password file is a directory": Case("check hosts.ini --become-password-file .",
        (".: --become-password-file: this is no file", "name a file"), INVENTORY),
    "empty profile": Case("check hosts.ini --profile=", ("an empty value after --profile", "leave it out"), INVENTORY),
    "output into nowhere": Case(f"{FACTS} -o no/report", ("no/report: --output: ", "name a file"), _facts()),
    "report of no run": Case(f"report {RUN}", ("runs: there is no run", "newest runs: none")),
    "report of something else": Case("report ../../etc", ("'../../etc' is no id of a run", RUN)),
    "verify without an apply": Case("verify hosts.ini", ("no apply was run yet", "--runs-dir"), INVENTORY),
    # Inventories.
    "no inventory": Case("check", ("no inventory was given", "name an Ansible inventory")),
    "inventory does not exist": Case("check nowhere", ("nowhere: there is no such inventory", "cksharden init")),
    "inventory of facts does not exist": Case("check no --facts facts", ("no: there is no such inventory",), _facts()),
    "directory without an inventory": Case("check empty", ("empty: ", "add hosts.yml"), _written("empty/notes", "")),
    "inventory does not parse": Case("check hosts.yml",
        ("hosts.yml: ", "line 2", "see what `ansible-inventory"), _written("hosts.yml", "all: [x")),
    "inventory without hosts": Case("check hosts.yml", ("hosts.yml: it has no hosts", "list the "), EMPTY),
    "rollback without hosts": Case(f"rollback hosts.yml --yes --run {RUN}", ("hosts.yml: it has no hosts",), EMPTY),
    "limit matches nothing": Case("check hosts.ini -l cp9", ("--limit: ", "hosts.ini", "name hosts"), INVENTORY),
    "limit is empty": Case("apply hosts.ini --yes --limit=", ("an empty value after --limit",), INVENTORY),
    "limit names nothing": Case("apply hosts.ini --yes -l ,", ("--limit: ", "leave --limit out"), INVENTORY),
    "limit is a broken expression": Case("check hosts.ini -l ~[", ("--limit: '~['", "name hosts"), INVENTORY),
    "limit leaves out nothing": Case("check hosts.ini -l !", ("--limit: '!'", "name hosts"), INVENTORY),
    "limit of a part and nothing": Case("check hosts.ini -l w1:&", ("--limit: '&'", "name hosts"), INVENTORY),
    "inventory of bytes": Case("check b.ini",
        ("b.ini: line 2 holds bytes", "UTF-8"), _written("b.ini", "[kube_node]\n\udcff\udcfe\0w1\n")),
    "inventory of control characters": Case("check team",
        ("team/hosts.yml: line 1 ", "UTF-8"), _written("team/hosts.yml", "w\x1b1:\n")),
    "hosts as a list": Case("check hosts.yml",
        ("hosts.yml: ", 'Invalid "hosts" entry for "kube_node" group, requires a dictionary.', "see what"),
        _written("hosts.yml", "kube_node: {hosts: [w1, w2]}\n")),
    "hosts as a list to begin with": Case("init new --from hosts.yml",
        ("hosts.yml: ", "requires a dictionary."), _written("hosts.yml", "kube_node: {hosts: [w1, w2]}\n")),
    "port of a host": Case("init new --host x:99999", ("--host: 'x:99999' has no port", "1 to 65535")),
    # Controls.
    "control is no YAML": Case(FACTS, (f"{CONTROL}: line ", "correct the YAML"), _control("why: ", "why: [\nwhy: ")),
    "control with a wrong key": Case(FACTS,
        (f"{CONTROL}:3: sevrity: ", "did you mean severity"), _control("severity:", "sevrity:")),
    "control with a wrong type": Case(FACTS,
        (f"{CONTROL}:3: severity: ", "write it in quotes"), _control("severity: high", "severity: on")),
    "control of no version": Case(FACTS,
        (f"{CONTROL}:1: since: ", 'write it like "1.31"'), _control("id:", 'since: "one"\nid:')),
    "control of no version range": Case(FACTS,
        (f"{CONTROL}:2: until: ", "swap them"), _control("id:", 'since: "1.36"\nuntil: "1.31"\nid:')),
    "control with what its kind refuses": Case(FACTS,
        (f"{CONTROL}:8: with: ", MEND_CONTROL), _control("equals: false, ", "")),
    # Profiles.
    "profile is no YAML": Case(PROFILE, ("own.yml: line 2: ", "correct the YAML"), _written("own.yml", "id: [")),
    "profile with a wrong key": Case(PROFILE,
        ("own.yml:3: extend: ", "did you mean extends"), _written("own.yml", f"{OWN}extend: cks")),
    "profile extends nothing": Case(PROFILE,
        ("own.yml:3: extends: ", "use cis_1_12, cks"), _written("own.yml", f"{OWN}extends: pci")),
    "profile with an audit level that is none": Case(PROFILE,
        ("own.yml:6: parameters.apiserver_audit_policy", "content"), _written("own.yml", POLICY)),
    "profile with what is no boolean": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_profiling: ", "nein"),
        _written("own.yml", f"{TUNED}apiserver_profiling: {{equals: nein}}")),
    "profile with a limit below nothing": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_audit_log_maxage: ", "0 or more"),
        _written("own.yml", f"{TUNED}apiserver_audit_log_maxage: {{at_least: -5}}")),
    "profile that takes plain text for encrypted": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_encryption_provider: ", "identity encrypts nothing"),
        _written("own.yml", f"{TUNED}apiserver_encryption_provider: {{one_of: [identity]}}")),
    "profile with what is no mode": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_encryption_at_rest: ", "octal"),
        _written("own.yml", f'{TUNED}apiserver_encryption_at_rest: {{max_mode: "9999"}}')),
    "profile with a file that goes elsewhere": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_audit_policy", "letters, digits and -"),
        _written("own.yml", f"{TUNED}apiserver_audit_policy: {{write: {{name: ../../x, content: a}}}}")),
    "profile with a misspelt parameter": Case(PROFILE,
        ("own.yml:5: parameters.apiserver_audit_log_maxage: ", "at_lest is no parameter", "did you mean at_least"),
        _written("own.yml", f"{TUNED}apiserver_audit_log_maxage: {{at_lest: 5}}")),
    "profile of an unknown control": Case(PROFILE,
        ("own.yml:3: include: ", "did you mean"), _written("own.yml", f"{OWN}include: [kubelet_tls]")),
    "profile that asks for nothing": Case(PROFILE,
        ("own.yml: it asks for no control", "add `extends: cks`"), _written("own.yml", OWN)),
    "profile of the inventory": Case(TEAM,
        ("team/profile.yml:2: title: ", "write it in quotes"), _team(profile="id: own\ntitle: 3")),
    "profile of an unknown group": Case(TEAM, ("team/profile.yml:5: groups.rack7: ", "rack1"),
        _team(profile=f"{OWN}extends: cks\ngroups:\n  rack7: {{exclude: [kubelet_config_mode]}}")),
    # Waivers.
    "waivers are no YAML": Case(TEAM, ("team/waivers.yml: line ", "correct the YAML"), _team(waivers="waivers: [")),
    "waiver without a date": Case(TEAM, ("team/waivers.yml:2: waivers.0.expires: ", MEND_WAIVER), _waiver("expires")),
    "waiver until no date": Case(TEAM,
        ("team/waivers.yml:2: waivers.0.expires: ", "like 2027-01-31"), _waiver(expires="never")),
    "waiver that matches nothing": Case(TEAM,
        ("team/waivers.yml:2: hosts: 'w9' matches no host", "one of its groups: "), _waiver(hosts="w9")),
    "waiver of an unknown control": Case(TEAM,
        ("team/waivers.yml:2: waivers.0.control: ", "did you mean kubelet_"), _waiver(control="kubelet_mode")),
    # Facts.
    "no facts": Case(FACTS, ("facts: no facts files", "name the facts directory"), _written("facts/notes", "")),
    "a run in place of its facts": Case(FACTS,
        ("facts: this is a run", "name facts/facts"), _written("facts/run.json", "{}")),
    "facts cut in half": Case(FACTS,
        ("facts/w1.json: no facts file: ", MEND_FACTS), _written("facts/w1.json", '{"format": "ck')),
    "facts of 200 MB": Case(FACTS, ("facts/w1.json: larger than 33554432 bytes", MEND_FACTS), _huge),
    "facts that are not UTF-8": Case(FACTS,
        ("facts/w1.json: no facts file: 'utf-8'", MEND_FACTS), _written("facts/w1.json", '{"a": "\udcff"}')),
    "facts whose name moves the cursor": Case(FACTS,
        ("facts/\\x1b[2J.json: no facts file", MEND_FACTS), _written("facts/\x1b[2J.json", "{}")),
    "facts of something else": Case(FACTS, ("facts/w1.json: ", "cksharden-facts", MEND_FACTS), _facts(format="x")),
    "facts of an unknown major": Case(FACTS, ("facts/w1.json: schema: ", "use the version"), _facts(schema="2.0")),
    "facts of one host twice": Case(FACTS, ("facts/x.json: host: a second", MEND_FACTS),
        _written("facts/w1.json", json.dumps(GOOD_FACTS), "facts/x.json")),
    "facts of a kubelet configuration that is no YAML": Case(FACTS,
        ("w1: /var/lib/kubelet/config.yaml, line 2: not valid YAML",), _kubelet_configuration("kind: [Kubelet\n"), code=3),
}
# fmt: on


def _carried_out(
    arguments: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run the command line here; where there is a copy of cksharden by that, which is another program."""
    if not (place / "cksharden").exists():
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err
    done = subprocess.run(
        [sys.executable, "-m", "cksharden", *arguments],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _there(place: Path) -> dict[Path, int]:
    """Return everything below a directory, and when it changed; runs aside."""
    return {
        one: one.stat().st_mtime_ns for one in place.rglob("*") if place / "runs" not in (one, *one.parents)
    }


@pytest.mark.parametrize(
    "words", [["hosts.ini", "-u", ""], ["hosts.ini", "--output", ""], ["x", "-l", ""], [""]]
)
def test_an_empty_value_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", *words]) == 2
    assert f"an empty value after {['check', *words][-2]}" in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_and_nothing_is_touched(
    case: Case, tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.prepare(tmp_path)
    before = _there(tmp_path)
    code, out, err = _carried_out(case.arguments.split(), tmp_path, capsys)
    assert code == case.code, out + err
    said = err if code == 2 else out
    assert all(words in said for words in case.says), said
    assert "Traceback" not in out + err
    assert "\x1b" not in out + err
    assert not out or "Usage" in out or code == 3
    assert _there(tmp_path) == before
    assert not list(runs.glob("*")) or code == 3, "a refused run leaves nothing"
