# SPDX-License-Identifier: Apache-2.0
"""The execution environment, built for real on an image that is made here, and run against the lab."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import testing
from lab.cache import cache_root
from lab.nodeimage import debian_image
from lab.podman import podman, privileged_options

from tests.packaging.installation import ROOT, Command

pytestmark = pytest.mark.lab

IMAGE = "localhost/cksharden-lab/execution-environment:test"
# How this machine reaches its package registry; a build elsewhere needs none of it.
REGISTRY = [Path("/etc/ssl/certs"), Path("/etc/pip.conf")]
SETTINGS = {"kubelet_settings": [{"key": "podPidsLimit", "value": 4321}]}


@pytest.fixture(scope="module")
def image(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("execution_environment")
    shutil.copy(ROOT / "execution-environment.yml", place)
    (place / "dist").symlink_to(built)
    mounts = [f"--volume={path}:{path}:ro" for path in REGISTRY if path.exists()]
    # chroot: a container within the build could not be given the limits that podman wants for it.
    options = ["--network=host", "--isolation=chroot", "--layers=false", *mounts]
    Command(Path(sys.executable).parent, place)(
        *("ansible-builder", "build", "--container-runtime", "podman", "--tag", IMAGE),
        *("--build-arg", f"EE_BASE_IMAGE={debian_image()}"),
        f"--extra-build-cli-args={' '.join(options)}",
    )
    yield IMAGE
    podman("rmi", "--force", IMAGE)


def in_image(image: str, directory: Path, *command: str) -> str:
    """Run a command in the image, with the lab's inventory and keys, and a directory of its own at /own."""
    mounts = {ROOT / "inventories": "/inventories", cache_root() / "ssh": "/lab/ssh", directory: "/own"}
    return podman(
        *("run", "--rm", *privileged_options(), "--network=host", "--user=0", "--workdir=/own"),
        *(f"--volume={path}:{name}" for path, name in mounts.items()),
        *("--env=CKSHARDEN_LAB_CACHE=/lab", image, *command),
        timeout=300,
    ).stdout


def test_it_carries_the_collection_and_the_command(image: str, tmp_path: Path) -> None:
    assert "cksharden.node" in in_image(image, tmp_path, "ansible-galaxy", "collection", "list")
    assert "rollback" in in_image(image, tmp_path, "cksharden", "--help")


def test_it_collects_facts(image: str, tmp_path: Path) -> None:
    words = ("ansible-playbook", "--inventory=/inventories/lab", "cksharden.node.collect")
    in_image(image, tmp_path, *words, "--extra-vars=cksharden_facts_dir=/own/facts")
    facts = {path.stem: json.loads(path.read_bytes()) for path in (tmp_path / "facts").glob("*.json")}
    assert {host: each["sections"]["kubelet"]["status"] for host, each in facts.items()} == {
        "cp1": "ok",
        "w1": "ok",
    }


def test_it_shows_what_would_change_and_changes_nothing(image: str, tmp_path: Path) -> None:
    look = "cat /etc/default/kubelet; ls /var/lib/cksharden"
    before = testing.run("w1", look, check=False).stdout
    shown = in_image(
        *(image, tmp_path, "ansible-playbook", "--inventory=/inventories/lab", "--limit=w1"),
        *("--check", "--diff", f"--extra-vars={json.dumps(SETTINGS)}", "cksharden.node.harden"),
    )
    assert '+  "podPidsLimit": 4321' in shown
    assert testing.run("w1", look, check=False).stdout == before
