# SPDX-License-Identifier: Apache-2.0
"""The environment that all sessions of noxfile.py share."""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".nox/dev"
LOCK = "requirements.lock"


def prepare(session: nox.Session) -> None:
    """Make the shared environment, unless it is there already, and put it first in PATH."""
    os.environ["PATH"] = os.pathsep.join([str(ENVIRONMENT / "bin"), os.environ["PATH"]])
    stamp = ENVIRONMENT / "cksharden.stamp"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packaging = (project["build-system"], project["project"], project["tool"]["hatch"])
    inputs = hashlib.sha256(repr((str(ROOT), sys.version, packaging)).encode())
    for name in (LOCK, "galaxy.yml"):
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
