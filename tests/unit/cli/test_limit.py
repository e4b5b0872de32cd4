# SPDX-License-Identifier: Apache-2.0
"""A part of --limit that matches nothing is refused before any host is asked; Ansible would ignore it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cksharden.cli.main import run

RUN = "--run 20261123T132000Z-1a2b3c"


@pytest.fixture
def asked(tmp_path: Path, runs: Path) -> Path:
    """An inventory whose ssh leaves a file, and reaches nobody."""
    ssh, file = tmp_path / "ssh", tmp_path / "asked"
    ssh.write_text(f"#!/bin/sh\ntouch {file}\nexit 255\n")
    ssh.chmod(0o755)
    common = {"ansible_ssh_executable": str(ssh)}
    groups: dict[str, Any] = {
        "kube_control_plane": {"hosts": {"cp1": {}}},
        "kube_node": {"hosts": {"w1": {}, "w2": {}}},
    }
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"vars": common, "children": groups}}))
    return file


@pytest.mark.parametrize(
    ("verb", "limit", "part"),
    [
        ("check", "cp1,w9", "w9"),
        ("plan", "kube_node:!w9", "w9"),
        ("apply --yes", "kube_node:&rack9", "rack9"),
        (f"rollback --yes {RUN}", "w1,x*", "x*"),
        (f"unlock {RUN}", "!w9", "w9"),
        ("check", "~x[12]", "~x[12]"),
        ("check", "kube_node[7]", "kube_node[7]"),
    ],
)
def test_a_part_that_matches_nothing_is_named(
    asked: Path, capsys: pytest.CaptureFixture[str], verb: str, limit: str, part: str
) -> None:
    assert run([*verb.split(), "hosts.yml", "--limit", limit]) == 2
    assert f"cksharden: --limit: {part!r} matches nothing of hosts.yml" in capsys.readouterr().err
    assert not asked.exists()


@pytest.mark.parametrize(
    "limit",
    [
        *(
            " ",
            ",",
            ":",
            ", ,",
            "[",
            "][",
            "w1[",
            "!",
            "&",
            "~",
            "@",
            "!~",
            "~[",
            "~[a",
            "w1,~(",
            "w1:&",
            "w1 !",
        ),
        *(",!w1", ":!w1", "w1,,w2", "@nobody", "!w1,@nobody", "@odd"),
    ],
)
@pytest.mark.parametrize(
    "verb", ["check", "apply --yes", f"rollback --yes {RUN}", "prepare --yes", f"unlock {RUN}"]
)
def test_a_limit_that_says_nothing_is_not_every_host(
    asked: Path, capsys: pytest.CaptureFixture[str], verb: str, limit: str
) -> None:
    (asked.parent / "nobody").write_text("\n \n")
    (asked.parent / "odd").write_text("w1\n!\n")
    assert run([*verb.split(), "hosts.yml", "--limit", limit]) == 2
    said = capsys.readouterr().err
    assert said.startswith("cksharden: --limit: ")
    assert "leave --limit out for every host" in said
    assert not asked.exists()


@pytest.mark.parametrize(
    "limit", ["!w1", "&w*", "kube_node[0]", "kube_node[0:1]", "~w[12]", "@some", "w1 : w2"]
)
def test_what_ansible_takes_is_taken(asked: Path, limit: str) -> None:
    (asked.parent / "some").write_text("w1\n\nw2\n")
    assert run(["check", "hosts.yml", "--limit", limit, "--quiet"]) == 3
    assert asked.exists()


def test_what_matches_is_asked(asked: Path) -> None:
    assert run(["check", "hosts.yml", "--limit", "kube_node,~cp[12],!w2,&w*", "--quiet"]) == 3
    assert asked.exists()


def test_a_list_of_hosts_is_no_inventory(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "127.0.0.1,"]) == 2
    said = capsys.readouterr().err
    assert "127.0.0.1,: a list of hosts is no inventory here" in said
    assert "`cksharden init DIR --host NODE` makes one" in said
