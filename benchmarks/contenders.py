# SPDX-License-Identifier: Apache-2.0
"""What is measured: each contender does its work once and checks that it was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import testing

from ansible_collections.cksharden.node.plugins.module_utils.node.framing import parse
from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import program
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from benchmarks import catalogue, stock
from benchmarks.targets import Target, Targets
from cksharden.ansible_env import collection_root, environment
from cksharden.catalog import load_controls
from cksharden.policy_files import select

FORKS = 25
FEW, MANY = 20, 200
_NONCE = "bench"
_FILES = f"find /usr/bin /usr/sbin /usr/lib -maxdepth 2 -type f | sort | head -n {MANY}"

PROFILE = "nodes"
"""What stock modules can judge too."""


@dataclass
class Bench:
    """A place to measure in, with all that the contenders need ready made."""

    directory: Path
    targets: Targets
    request: dict[str, Any] = field(init=False)
    few: Path = field(init=False)
    many: Path = field(init=False)

    def __post_init__(self) -> None:
        controls, selection = load_controls(), select(load_controls(), PROFILE)
        self.request = check_request(selection.request())
        self._write("request.json", self.request)
        self._write("stock.yml", stock.playbook(selection.controls))
        (self.directory / "facts").mkdir()
        files = testing.run(self.targets.targets[0].node.name, _FILES).stdout.splitlines()
        self.few = catalogue.copy(self.directory, controls, FEW, files)
        self.many = catalogue.copy(self.directory, controls, MANY, files)
        self._write("stock-many.yml", stock.playbook(load_controls(self.many / "cksharden/controls")))

    def bare(self) -> None:
        """Run nothing on every target by ssh alone."""
        self._parallel("true", b"")

    def floor(self) -> None:
        """Run the collector on every target by ssh alone, as many at once as Ansible would."""
        answers = self._parallel(
            "/usr/bin/python3 -I -B -S -", program("collector", self.request, _NONCE, 30)
        )
        for answer in answers:
            parse(_NONCE, answer.decode("ascii"))

    def audit(self) -> None:
        """Run `cksharden check`: collect, evaluate, plan, write the run and its report."""
        self._cksharden("check", collection_root())

    def audit_few(self) -> None:
        """Run an audit with few controls."""
        self._cksharden("check", self.few)

    def audit_many(self) -> None:
        """Run an audit with many controls."""
        self._cksharden("check", self.many)

    def apply(self) -> None:
        """Run `cksharden apply` where nothing is to change."""
        said = self._cksharden("apply", collection_root(), "--yes")
        assert "nothing to change" in said, said[-2000:]

    def plain(self) -> None:
        """Run our collect playbook with ansible-playbook itself."""
        extra = {"request": "request.json", "facts_dir": "facts"}
        variables = {f"cksharden_{name}": str(self.directory / path) for name, path in extra.items()}
        self._playbook("cksharden.node.collect", "-e", json.dumps(variables))

    def stock(self) -> None:
        """Run the same checks as stock modules."""
        self._playbook(str(self.directory / "stock.yml"))

    def stock_many(self) -> None:
        """Run many checks as stock modules."""
        self._playbook(str(self.directory / "stock-many.yml"))

    def help(self) -> None:
        """Run `cksharden --help`."""
        self._run([sys.executable, "-m", "cksharden", "--help"])

    def version(self) -> None:
        """Run `ansible --version`."""
        self._run(["ansible", "--version"])

    def _parallel(self, command: str, source: bytes) -> list[bytes]:
        def ask(target: Target) -> bytes:
            words = [*self.targets.ssh(target), command]
            return subprocess.run(words, input=source, capture_output=True, check=True).stdout

        with ThreadPoolExecutor(FORKS) as pool:
            return list(pool.map(ask, self.targets.targets))

    def _cksharden(self, verb: str, root: Path, *words: str) -> str:
        options = [
            "--profile",
            PROFILE,
            "--quiet",
            "--forks",
            str(FORKS),
            "--runs-dir",
            str(self.directory / "runs"),
        ]
        command = [sys.executable, "-m", "cksharden", verb, str(self.targets.inventory), *options, *words]
        return self._run(command, root, expect=(0, 1))

    def _playbook(self, *words: str) -> None:
        self._run(["ansible-playbook", "-i", str(self.targets.inventory), "--forks", str(FORKS), *words])

    def _run(self, words: list[str], root: Path | None = None, expect: tuple[int, ...] = (0,)) -> str:
        outer = {"PATH": os.environ["PATH"], "HOME": str(self.targets.home), "LANG": "C.UTF-8"}
        inner = environment(outer, self.directory) | {"PYTHONPATH": str(root or collection_root())}
        done = subprocess.run(
            words, capture_output=True, cwd=self.directory, env=inner, check=False, text=True
        )
        assert done.returncode in expect, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout + done.stderr

    def _write(self, name: str, value: object) -> None:
        (self.directory / name).write_text(json.dumps(value), encoding="utf-8")  # JSON is YAML
