# SPDX-License-Identifier: Apache-2.0
"""What is measured: each contender is a function that does its work once and checks that it was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.framing import parse
from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import program
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from benchmarks.targets import Target, Targets
from cksharden.ansible_env import collection_root, environment

FORKS = 25
_NONCE = "bench"


@dataclass(frozen=True)
class Bench:
    """Where a measurement happens: a home directory of its own, so that connections are its own too."""

    directory: Path
    targets: Targets
    request: dict[str, Any]

    @property
    def home(self) -> Path:
        """Return the home directory of all contenders."""
        return self.directory / "home"

    def environment(self) -> dict[str, str]:
        """Return the environment of all contenders."""
        outer = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        return environment(outer, self.directory) | {"PYTHONPATH": str(collection_root())}

    def floor(self) -> None:
        """Run the collector on every target by ssh alone, as many at once as Ansible would."""
        source = program("collector", check_request(self.request), _NONCE, 30)

        def ask(target: Target) -> None:
            words = [*self.targets.ssh(target), "/usr/bin/python3 -I -B -S -"]
            done = subprocess.run(words, input=source, capture_output=True, check=True)
            parse(_NONCE, done.stdout.decode("ascii"))

        with ThreadPoolExecutor(FORKS) as pool:
            list(pool.map(ask, self.targets.targets))

    def audit(self) -> None:
        """Run `cksharden check`: collect, evaluate, plan, write the run and its report."""
        runs = self.directory / "runs"
        words = [
            "check",
            str(self.targets.inventory),
            "--quiet",
            "--forks",
            str(FORKS),
            "--runs-dir",
            str(runs),
        ]
        self._run([sys.executable, "-m", "cksharden", *words], expect={0, 1})

    def plain(self, files: int | None = None) -> None:
        """Run our collect playbook with ansible-playbook itself.

        files: how many paths are asked for, instead of those of the default profile.
        """
        request, facts = self.directory / "request.json", self.directory / "facts"
        asked = self.request
        if files is not None:
            asked = {"schema": "1.0", "files": [{"path": f"/etc/file{number}"} for number in range(files)]}
        request.write_text(json.dumps(asked), encoding="ascii")
        facts.mkdir(exist_ok=True)
        extra = json.dumps({"cksharden_request": str(request), "cksharden_facts_dir": str(facts)})
        words = [
            "-i",
            str(self.targets.inventory),
            "--forks",
            str(FORKS),
            "-e",
            extra,
            "cksharden.node.collect",
        ]
        self._run(["ansible-playbook", *words], expect={0})

    def help(self) -> None:
        """Run `cksharden --help`."""
        self._run([sys.executable, "-m", "cksharden", "--help"], expect={0})

    def version(self) -> None:
        """Run `ansible --version`."""
        self._run(["ansible", "--version"], expect={0})

    def _run(self, words: list[str], expect: set[int]) -> None:
        done = subprocess.run(
            words, capture_output=True, cwd=self.directory, env=self.environment(), check=False
        )
        assert done.returncode in expect, (words, done.stdout[-2000:], done.stderr[-2000:])
