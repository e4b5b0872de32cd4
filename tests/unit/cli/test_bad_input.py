# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with the input: exit 2, a message that names it and the mend, and nothing touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cksharden.cli.main import run

GOOD_FACTS = {"format": "cksharden-facts", "schema": "1.0", "host": "w1", "sections": {}}


def _written(name: str, text: str, *copies: str) -> Callable[[Path], None]:
    """Make a preparation that writes a file, and copies of it."""

    def prepare(place: Path) -> None:
        for each in (name, *copies):
            (place / each).parent.mkdir(parents=True, exist_ok=True)
            (place / each).write_text(text, encoding="utf-8", errors="surrogateescape")

    return prepare


def _facts(**changes: object) -> Callable[[Path], None]:
    return _written("facts/w1.json", json.dumps(GOOD_FACTS | changes))


def _huge(place: Path) -> None:
    """Write facts of 200 MB, of which a disk sees none."""
    _facts()(place)
    with (place / "facts/w1.json").open("ab") as stream:
        stream.truncate(200_000_000)


def _nothing(place: Path) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Case:
    """A command line, what is there, and what the message must say."""

    arguments: str
    says: tuple[str, ...]
    prepare: Callable[[Path], None] = _nothing


PROFILE = "check --facts facts --profile own.yml"
INVENTORY = _written("hosts.ini", "[kube_node]\nw1 ansible_connection=local\n")

CASES = {
    "no verb": Case("", ("Usage",)),
    "unknown verb": Case("audit", ("No such command 'audit'",)),
    "unknown option": Case("check x --fast", ("--fast",)),
    "unknown format": Case("check x --format xml", ("--format", "xml")),
    "no inventory": Case("check", ("no inventory was given", "name an Ansible inventory")),
    "inventory does not exist": Case("check nowhere", ("nowhere", "there is no such inventory")),
    "directory without an inventory": Case(
        "check empty", ("empty", "holds no inventory", "hosts.yml"), lambda place: (place / "empty").mkdir()
    ),
    "inventory does not parse": Case(
        "check hosts.yml", ("hosts.yml",), _written("hosts.yml", "all: [unclosed")
    ),
    "inventory without hosts": Case(
        "check hosts.yml", ("hosts.yml", "no hosts"), _written("hosts.yml", "all: {}\n")
    ),
    "limit matches nothing": Case("check hosts.ini -l cp9", ("--limit", "cp9"), INVENTORY),
    "limit of facts": Case("check --facts facts -l w1", ("--limit", "leave it out"), _facts()),
    "unknown profile": Case("check --facts facts --profile pci", ("--profile", "pci", "cks"), _facts()),
    "unknown control": Case(
        "check --facts facts --control kubelet_tsl", ("--control", "kubelet_tsl"), _facts()
    ),
    "unknown control to explain": Case("explain kubelet_tls_min", ("did you mean kubelet_tls_min_version",)),
    "profile is no YAML": Case(PROFILE, ("own.yml", "line", "YAML"), _written("own.yml", "id: [")),
    "profile with a wrong key": Case(
        PROFILE, ("own.yml", "extend"), _written("own.yml", "id: own\ntitle: t\nextend: cks")
    ),
    "profile extends nothing": Case(
        PROFILE, ("own.yml", "extends", "pci"), _written("own.yml", "id: own\ntitle: t\nextends: pci")
    ),
    "profile of an unknown control": Case(
        PROFILE,
        ("own.yml", "include", "kubelet_tls_min_version"),
        _written("own.yml", "id: own\ntitle: t\ninclude: [kubelet_tls_min_versio]"),
    ),
    "profile of the inventory": Case(
        "check inventory",
        ("profile.yml", "title"),
        _written("inventory/profile.yml", "id: own\ntitle: 3", "inventory/hosts.yml"),
    ),
    "profile that asks for nothing": Case(
        PROFILE,
        ("own.yml", "it asks for no control", "extends: cks"),
        _written("own.yml", "id: own\ntitle: t"),
    ),
    "inventory of facts does not exist": Case(
        "check nowhere --facts facts", ("nowhere", "there is no such inventory", "cksharden init"), _facts()
    ),
    "a run in place of its facts": Case(
        "check --facts facts", ("facts/facts", "not its facts"), _written("facts/run.json", "{}")
    ),
    "no facts": Case(
        "check --facts facts", ("facts", "no facts files"), lambda place: (place / "facts").mkdir()
    ),
    "facts cut in half": Case(
        "check --facts facts", ("w1.json", "no facts file"), _written("facts/w1.json", '{"format": "ck')
    ),
    "facts of 200 MB": Case("check --facts facts", ("w1.json", "larger than 33554432 bytes"), _huge),
    "facts whose name moves the cursor": Case(
        "check --facts facts", ("\\x1b[2J.json", "no facts file"), _written("facts/\x1b[2J.json", "{}")
    ),
    "facts that are not UTF-8": Case(
        "check --facts facts",
        ("w1.json", "no facts file"),
        _written("facts/w1.json", '{"a": "\udcff"}'),
    ),
    "facts of something else": Case(
        "check --facts facts", ("w1.json", "cksharden-facts"), _facts(format="x")
    ),
    "facts of an unknown major": Case(
        "check --facts facts", ("w1.json", "schema", "2.0"), _facts(schema="2.0")
    ),
    "facts of one host twice": Case(
        "check --facts facts",
        ("second facts file of host w1",),
        _written("facts/w1.json", json.dumps(GOOD_FACTS), "facts/x.json"),
    ),
    "no forks": Case("check x --forks 0", ("--forks", "not in the range x>=1")),
    "nobody may be unavailable": Case(
        "apply x --max-unavailable 0", ("--max-unavailable", "not in the range x>=1")
    ),
    "apply without anyone to ask": Case("apply hosts.ini", ("--yes", "no terminal"), INVENTORY),
    "rollback without anyone to ask": Case(
        "rollback hosts.ini --run 20261123T132000Z-1a2b3c", ("--yes", "no terminal"), INVENTORY
    ),
    "rollback of nothing": Case("rollback hosts.ini", ("--run",), INVENTORY),
    "rollback without hosts": Case(
        "rollback hosts.yml --yes --run 20261123T132000Z-1a2b3c",
        ("hosts.yml", "no hosts"),
        _written("hosts.yml", "all: {}\n"),
    ),
    "rollback of no run": Case("rollback hosts.ini --yes --run yesterday", ("--run", "yesterday"), INVENTORY),
    "key is not there": Case(
        "check hosts.ini --private-key nowhere", ("--private-key", "nowhere"), INVENTORY
    ),
    "password file is not there": Case(
        "check hosts.ini --become-password-file nowhere", ("--become-password-file", "nowhere"), INVENTORY
    ),
    "output into nowhere": Case(
        "check --facts facts -o nowhere/report.txt", ("--output", "nowhere/report.txt"), _facts()
    ),
    "report of no run": Case("report 20261123T132000Z-1a2b3c", ("there is no run",)),
    "report of something else": Case("report ../../etc", ("is no id of a run",)),
    "verify without an apply": Case("verify hosts.ini", ("no apply was run yet", "--run"), INVENTORY),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_and_nothing_is_touched(
    case: Case, tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(case.arguments.split()) == 2
    said = capsys.readouterr()
    assert all(words in said.err for words in case.says), said.err
    assert "Traceback" not in said.err
    assert "\x1b" not in said.err
    assert not said.out or "Usage" in said.out
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before and path != runs]
    assert left == []
