# SPDX-License-Identifier: Apache-2.0
"""The two artefacts, built once, and an empty environment with each of them in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.installation import ROOT, Command


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, the wheel made from that sdist, and the collection's tarball."""
    target = tmp_path_factory.mktemp("built")
    tools = Command(Path(sys.executable).parent, ROOT)
    tools("python", "-m", "build", "--no-isolation", "--outdir", target, ROOT)
    tools("ansible-galaxy", "collection", "build", "--output-path", target, ROOT)
    return target


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def tarball(built: Path) -> Path:
    (found,) = built.glob("cksharden-node-*.tar.gz")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A new environment that holds the wheel and what it depends on, at the locked versions."""
    return environment_with(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def plain_ansible(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A new environment that holds Ansible alone, and the collection where ansible-galaxy put it."""
    command = environment_with("ansible-core", tmp_path_factory.mktemp("plain_ansible"))
    place = command.home / "collections"
    command("ansible-galaxy", "collection", "install", "--offline", "--collections-path", place, tarball)
    return command.with_environment(ANSIBLE_COLLECTIONS_PATH=str(place))


def environment_with(what: Path | str, home: Path) -> Command:
    constraints = home / "constraints.txt"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.removesuffix(" \\") for line in lock if "==" in line and not line.startswith((" ", "#"))]
    constraints.write_text("\n".join(pins), encoding="utf-8")
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", environment], check=True)
    command = Command(environment / "bin", home)
    command("pip", "install", "--quiet", "--no-compile", "--constraint", constraints, what)
    return command
