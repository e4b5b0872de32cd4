# SPDX-License-Identifier: Apache-2.0
"""What the wheel and the collection's tarball carry, and that each works in an empty place."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.packaging.installation import ROOT, Command

COLLECTION = "ansible_collections/cksharden/node"
PARTS = ("meta", "playbooks", "plugins", "roles")


def tracked(*folders: str) -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", "--", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(done.stdout.splitlines())


def test_the_wheel_carries_two_whole_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {name for name in names if name.startswith("cksharden/")}
    assert package >= tracked("cksharden")
    assert names - package >= {f"{COLLECTION}/{name}" for name in tracked("galaxy.yml", *PARTS)}
    assert {name.split("/")[3] for name in names - package} == {"galaxy.yml", *PARTS}


def test_the_tarball_carries_the_collection_alone(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = set(archive.getnames())
    assert names >= tracked(*PARTS)
    tops = {name.split("/")[0] for name in names}
    told = {"README.md", "LICENSES", "changelogs", "CHANGELOG.md"}  # the last one once there is a release
    assert tops | told == {"FILES.json", "MANIFEST.json", *told, *PARTS}


def test_the_version_is_written_once(installed: Command) -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    shown = installed("pip", "show", "cksharden").stdout
    assert f"Version: {version}\n" in shown


def test_the_installed_command_explains_itself(installed: Command) -> None:
    shown = installed("cksharden", "--help").stdout
    assert all(verb in shown for verb in ("check", "plan", "apply", "verify", "rollback", "report"))


def test_the_installed_command_finds_its_controls_and_its_playbooks(installed: Command) -> None:
    (installed.home / "hosts.ini").write_text(
        "nowhere ansible_host=192.0.2.1 ansible_ssh_common_args='-o ConnectTimeout=1'\n"
    )
    shown = installed("cksharden", "check", "hosts.ini", codes=(3,)).stdout
    assert "nowhere" in shown


def test_ansible_finds_the_collection_of_the_wheel(installed: Command) -> None:
    (site,) = installed.bin.parent.glob("lib/python3*/site-packages")
    syntax_of_every_playbook(installed, site)


def test_ansible_finds_the_collection_of_the_tarball(
    installed: Command, tarball: Path, tmp_path: Path
) -> None:
    # --force: the wheel in the same environment has the collection too, and must not be the one that is found.
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force")
    installed(*install, "--collections-path", tmp_path, tarball)
    syntax_of_every_playbook(installed, tmp_path)


def syntax_of_every_playbook(command: Command, place: Path) -> None:
    (command.home / "empty.yml").write_text("all:\n")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(place), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    names = [path.stem for path in map(Path, tracked("playbooks/*.yml")) if path.parent.name == "playbooks"]
    playbooks = [f"cksharden.node.{name}" for name in names]
    command("ansible-playbook", "--syntax-check", "--inventory", "empty.yml", *playbooks, env=env)
    documented = command("ansible-doc", "--list", "cksharden.node", env=env).stdout
    for module in tracked("plugins/modules/*.py"):
        assert f"cksharden.node.{Path(module).stem}" in documented


def test_a_release_makes_a_changelog_of_the_fragments(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "changelogs", tmp_path / "changelogs")
    shutil.copyfile(ROOT / "galaxy.yml", tmp_path / "galaxy.yml")
    fragments = len(list(tmp_path.glob("changelogs/fragments/*.yml")))
    Command(Path(sys.executable).parent, tmp_path)("antsibull-changelog", "release", "--date", "2026-01-31")
    released = yaml.safe_load((tmp_path / "changelogs/changelog.yaml").read_text(encoding="utf-8"))[
        "releases"
    ]
    (version,) = released
    assert len(released[version]["fragments"]) == fragments
    assert not list(tmp_path.glob("changelogs/fragments/*.yml"))
    assert "### Major Changes" in (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.lab
def test_the_installed_command_checks_a_real_cluster(installed: Command) -> None:
    inventory = ROOT / "inventories/lab"
    shown = installed("cksharden", "check", inventory, codes=(0, 1)).stdout
    assert "cp1" in shown
    assert [path.name for path in installed.home.glob("runs/*/facts/*.json")]
