# SPDX-License-Identifier: Apache-2.0
"""What was seen from outside while the cluster was changed, and what the nodes wrote down themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab.testing import over_ssh

KEPT = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
NODES = ("cp1", "cp2", "cp3", "w1")


@pytest.fixture(scope="session")
def watched() -> Any:
    """Return what watch.py wrote."""
    return json.loads((KEPT / "watched.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def planned() -> list[str]:
    """Return the nodes in the order of the plan."""
    (plan,) = (KEPT / "runs").glob("*/plan.json")
    return [host for batch in json.loads(plan.read_text(encoding="utf-8"))["order"] for host in batch]


@pytest.fixture(scope="session")
def spans() -> dict[str, tuple[float, float]]:
    """Return when each node began to change its kubelet and when its gate had closed, by its own journal."""
    (run,) = (path.name for path in (KEPT / "runs").iterdir())
    found = {}
    for name in NODES:
        node = testinfra.get_host(over_ssh(name)[0])
        journal = node.file(f"/var/lib/cksharden/{run}/kubelet/journal").content_string
        records = [json.loads(line) for line in journal.splitlines() if line]
        assert records[-1]["data"]["outcome"] == "committed"
        found[name] = (float(records[0]["time"]), float(records[-1]["time"]))
    return found
