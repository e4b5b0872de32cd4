# SPDX-License-Identifier: Apache-2.0
"""docs/support.md says what the packages say, and what runs on nodes is Python 3.9."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from lab.gobuild import DEFAULT_KUBERNETES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/support.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ON_NODES = sorted(ROOT.glob("plugins/module_utils/**/*.py")) + sorted(ROOT.glob("plugins/modules/*.py"))
OLDEST_ON_NODES = (3, 9)


def row(title: str) -> str:
    """What the page says is supported."""
    (found,) = re.findall(rf"^\| {re.escape(title)} \| (.*?) \|", PAGE, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("path", ON_NODES, ids=lambda path: path.name)
def test_what_runs_on_nodes_is_syntax_of_their_oldest_python(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST_ON_NODES)


def test_the_oldest_python_of_nodes_is_said_alike() -> None:
    oldest = ".".join(map(str, OLDEST_ON_NODES))
    told = yaml.safe_load((ROOT / "tests/config.yml").read_text(encoding="utf-8"))
    assert told["modules"]["python_requires"] == f">={oldest}"
    assert row("Python on nodes").startswith(f"{oldest} and later")


def test_the_pythons_of_the_controller_are_said_alike() -> None:
    prefix = "Programming Language :: Python :: "
    minors = [each.removeprefix(prefix) for each in PROJECT["classifiers"] if re.match(rf"{prefix}3\.", each)]
    assert PROJECT["requires-python"] == f">={minors[0]}"
    assert row("Python where cksharden runs") == f"{minors[0]} to {minors[-1]}"


def test_the_series_of_ansible_is_said_alike() -> None:
    (asked,) = (each for each in PROJECT["dependencies"] if each.startswith("ansible-core"))
    (series,) = re.findall(r">=(2\.\d+),", asked)
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={series}.0"
    assert row("ansible-core") == series


def test_the_kubernetes_of_the_lab_is_said() -> None:
    assert row("Kubernetes").endswith(DEFAULT_KUBERNETES.rpartition(".")[0])
