# SPDX-License-Identifier: Apache-2.0
"""How the packaging tests run a program that must know nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Command:
    """Runs programs in an environment of its own, in an empty directory, unaware of the checkout."""

    def __init__(self, bin_directory: Path, home: Path) -> None:
        self.bin = bin_directory
        self.home = home
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "ANSIBLE", "CKSHARDEN"))
        }
        self._env = {**kept, "PATH": f"{bin_directory}:/usr/bin:/bin:/usr/sbin:/sbin", "NO_COLOR": "1"}

    def with_environment(self, **variables: str) -> Command:
        """Return the same, with environment variables of its own."""
        other = Command(self.bin, self.home)
        other._env |= variables
        return other

    def __call__(
        self, *command: str | Path, codes: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; an exit code that is not expected fails the test with all that it printed."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.home,
            env={**self._env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode in codes, f"{command} exited {done.returncode}:\n{done.stdout}"
        return done
