# SPDX-License-Identifier: Apache-2.0
"""A copy of cksharden with as many controls as are wanted, made from those that there are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

import cksharden
from cksharden.ansible_env import collection_root
from cksharden.catalog import Catalogued
from cksharden.kinds.expectation import KubeletSetting
from cksharden.kinds.file_access import FileAccess

_EASY = {"max_mode": "6755", "owner": "root", "absent": "unknown"}
"""What holds for every file of a system: the nodes that are measured are as they should be."""


def copy(directory: Path, controls: Sequence[Catalogued], count: int, files: Sequence[str]) -> Path:
    """Return a directory for PYTHONPATH whose cksharden has exactly that many controls.

    Half judge settings of the kubelet, and half judge files, each another one of `files`.
    """
    root = directory / f"controls{count}"
    package = root / "cksharden"
    shutil.copytree(Path(cksharden.__file__).parent, package, ignore=shutil.ignore_patterns("controls"))
    (root / "ansible_collections").symlink_to(collection_root() / "ansible_collections")
    component = package / "controls/bench"
    component.mkdir(parents=True)
    of_files = [one for one in controls if isinstance(one.spec, FileAccess)]
    of_kubelets = [one for one in controls if isinstance(one.spec, KubeletSetting)]
    for number in range(count):
        kind = of_files if number % 2 else of_kubelets
        original = kind[number // 2 % len(kind)]
        text = yaml.safe_load(original.path.read_text(encoding="utf-8"))
        text |= {"id": f"bench{number}", "profiles": ["nodes"], "applies_to": ["control_plane", "worker"]}
        if kind is of_files:
            text["with"] = {"paths": [files[number]], **_EASY}
        (component / f"bench{number}.yml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return root
