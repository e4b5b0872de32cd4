# SPDX-License-Identifier: Apache-2.0
"""Run `ansible-test sanity` on the collection as its tarball carries it; arguments go to ansible-test.

ansible-test wants a collection at …/ansible_collections/NAMESPACE/NAME in a git work tree of its own, so it gets a
copy of what ships. The rest of the repository is the Python package, which ruff and mypy judge.
All that this makes lies in .nox/sanity; the environments in it are made once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from virtualenv.seed.wheels.embed import BUNDLE_FOLDER

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".nox/sanity"
TREE = PLACE / "ansible_collections/cksharden/node"
SETTINGS = "tests/config.yml"  # what ansible-test is told of the collection
# Controllers and nodes; those that this machine has are tried.
PYTHONS = tuple(f"python3.{minor}" for minor in range(9, 14))
# ansible-test begins its environments with a script from a host of its own, which a site may not reach. The pip that
# virtualenv brings does the same.
GET_PIP_NAME = "get_pip_24_2.py"  # the version that the locked ansible-core asks for
GET_PIP = """\
import runpy, sys
sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if not word.startswith("--no-"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def main(*words: str) -> int:
    """Return the exit code of ansible-test."""
    lay_out_the_collection()
    environment = {
        **os.environ,
        "HOME": str(PLACE / "home"),
        "PATH": f"{link_pythons()}:{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    prepare_pip()
    # PowerShell's linter needs PowerShell, and the collection has none of it.
    command = ["ansible-test", "sanity", "--venv", "--skip-test", "pslint", *words]
    return subprocess.run(command, cwd=TREE, env=environment, check=False).returncode


def lay_out_the_collection() -> None:
    """Make the copy anew, but for the environment that ansible-test keeps in it."""
    for path in TREE.glob("*"):
        if path.name != "tests":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    build = [*("ansible-galaxy", "collection", "build", "--force"), "--output-path", str(PLACE), str(ROOT)]
    PLACE.mkdir(parents=True, exist_ok=True)
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = PLACE.glob("cksharden-node-*.tar.gz")
    with tarfile.open(tarball) as archive:
        archive.extractall(TREE, filter="data")
    tarball.unlink()
    (TREE / SETTINGS).parent.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / SETTINGS, TREE / SETTINGS)
    (TREE / ".gitignore").write_text("/tests/output/\n", encoding="ascii")
    subprocess.run(["git", "init", "--quiet", str(TREE)], check=True)


def link_pythons() -> Path:
    """Return a directory with the interpreters that work: a version manager's shims may be there and not work."""
    directory = PLACE / "pythons"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    places = [*os.get_exec_path(), *(str(path) for path in sorted(Path.home().glob(".pyenv/versions/*/bin")))]
    for name in PYTHONS:
        for found in (shutil.which(name, path=place) for place in places):
            if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
                (directory / name).symlink_to(found)
                break
    return directory


def prepare_pip() -> None:
    """Lay the script that installs pip where ansible-test keeps the one that it would download."""
    wheel = min(BUNDLE_FOLDER.glob("pip-*.whl"))  # the oldest, which knows Python 3.9
    script = PLACE / "home/.ansible/test/cache" / GET_PIP_NAME
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(GET_PIP.format(wheel=str(wheel)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
