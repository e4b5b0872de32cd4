# SPDX-License-Identifier: Apache-2.0
"""Everything a developer or CI runs: `nox -l` lists it, CONTRIBUTING.md says when to use which.

All sessions share one environment, .nox/dev, made from requirements.lock (exact versions, with hashes) and
this checkout; what has changed in either is installed again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "unit"]

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".nox/dev"
LOCK = "requirements.lock"


def prepare(session: nox.Session) -> None:
    """Make the shared environment, unless it is there already, and put it first in PATH."""
    os.environ["PATH"] = os.pathsep.join([str(ENVIRONMENT / "bin"), os.environ["PATH"]])
    stamp = ENVIRONMENT / "cksharden.stamp"
    inputs = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for name in (LOCK, "pyproject.toml", "galaxy.yml"):
        inputs.update((ROOT / name).read_bytes())
    if stamp.is_file() and stamp.read_text(encoding="ascii") == inputs.hexdigest():
        return
    # virtualenv comes with nox and, unlike the standard library's venv, is complete on every Debian.
    session.run(sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(ENVIRONMENT))
    # The lock is complete, so nothing has to be resolved (and no package can bring one that is not in it).
    pip_install = (str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps")
    session.run(*pip_install, "--require-hashes", "--requirement", LOCK)
    session.run(*pip_install, "--no-build-isolation", "--editable", ".")
    stamp.write_text(inputs.hexdigest(), encoding="ascii")


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style, types, import layers, Ansible content: everything that can be judged by reading."""
    prepare(session)
    check_style(session)


@nox.session(python=False)
def unit(session: nox.Session) -> None:
    """Tests that need no node. Arguments go to pytest."""
    prepare(session)
    session.run("pytest", *(session.posargs or ["tests/unit", "tests/controls"]))


@nox.session
def lock(session: nox.Session) -> None:
    """Write requirements.lock anew: the newest versions that pyproject.toml allows."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--group", "dev", "--upgrade", "--quiet"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"),
        *("--custom-compile-command", "nox -s lock", "--output-file", LOCK),
    )


def check_style(session: nox.Session) -> None:
    """Run every tool that reads and does not run."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports")
    session.run("ansible-lint")
    session.run("antsibull-changelog", "lint")
