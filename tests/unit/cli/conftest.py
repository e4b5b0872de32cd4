# SPDX-License-Identifier: Apache-2.0
"""Recorded facts of a small cluster, and a place for runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    """Write the facts of a worker as kubeadm leaves it; sections can be replaced."""

    def write(host: str = "w1", *, config_mode: str = "0644", **sections: Any) -> Path:
        directory = tmp_path / "facts"
        directory.mkdir(exist_ok=True)
        whole = node(host, config_mode=config_mode).sections | sections
        document = {"format": "cksharden-facts", "schema": "1.0", "host": host, "sections": whole}
        (directory / f"{len(list(directory.iterdir()))}.json").write_text(json.dumps(document))
        return directory

    return write
