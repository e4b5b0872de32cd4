# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cksharden.collect import Collected, collect
from cksharden.runner import Connection

# Takes what ssh takes, runs the command here, and notes that it was called.
SSH = 'echo "$@" >>{log}; for last; do :; done; exec sh -c "$last"'


@dataclass
class Site:
    """An inventory whose hosts are this machine, reached through a program that stands in for ssh."""

    root: Path

    @property
    def inventory(self) -> Path:
        return self.root / "hosts.yml"

    @property
    def log(self) -> Path:
        return self.root / "ssh.log"

    @property
    def facts(self) -> Path:
        return self.root / "facts"

    def executions(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def program(self, name: str, script: str) -> str:
        """Write a program of the test and return its path."""
        path = self.root / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def ssh(self, script: str) -> None:
        """Make ssh do something else."""
        self.program("ssh", script)

    def hosts(self, hosts: dict[str, dict[str, Any]], **variables: Any) -> None:
        common = {"ansible_ssh_executable": str(self.root / "ssh"), "ansible_user": "root"} | variables
        # JSON is YAML.
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))

    def collect(
        self, *paths: str, limit: str | None = None, facts: Path | None = None, on_event: Any = None
    ) -> Collected:
        request = {"schema": "1.0", "files": [{"path": path} for path in paths]}
        return collect(self.inventory, request, Connection(), limit, facts or self.facts, on_event=on_event)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """One host `w1`, in a home directory of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    made = Site(tmp_path)
    made.facts.mkdir()
    made.ssh(SSH.format(log=made.log))
    made.hosts({"w1": {}})
    return made
