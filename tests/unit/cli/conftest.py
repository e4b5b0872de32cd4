# SPDX-License-Identifier: Apache-2.0
"""Recorded facts of a small cluster, and a place for runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.kubelet_section import CONFIG_TEXT
from tests.unit.stages.test_plan import node

Facts = Callable[..., Path]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of runs, which does not exist yet."""
    directory = tmp_path / "runs"
    monkeypatch.setenv("CKSHARDEN_RUNS_DIR", str(directory))
    monkeypatch.chdir(tmp_path)
    return directory


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """Write the facts of a worker as kubeadm leaves it; sections can be replaced.

    What a control plane says of its cluster lies beside them.
    """
    nodes: list[dict[str, Any]] = []

    def write(host: str = "w1", *, config_mode: str = "0644", **sections: Any) -> Path:
        directory = tmp_path / "facts"
        directory.mkdir(exist_ok=True)
        whole = node(host, config_mode=config_mode).sections | sections
        nodes.append({"name": host, "uid": f"uid-{host}"})
        told = {
            "nodes": nodes,
            "configz": {},
            "kubelet_config": {"resource_version": "1", "text": CONFIG_TEXT},
        }
        cluster = {"schema": "1.0", "status": "ok", "reason": "", "data": told}
        beside = directory / "beside"
        beside.mkdir(exist_ok=True)
        (beside / "cp1.json").write_text(json.dumps(_document("cp1", {"cluster": cluster})))
        (directory / f"{len(nodes)}.json").write_text(json.dumps(_document(host, whole)))
        return directory

    return write


def _document(host: str, sections: dict[str, Any]) -> dict[str, Any]:
    return {"format": "cksharden-facts", "schema": "1.1", "host": host, "groups": [], "sections": sections}
