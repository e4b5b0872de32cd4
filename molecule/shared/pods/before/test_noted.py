# SPDX-License-Identifier: Apache-2.0
"""Pods serve on every node; who they are is noted for the test after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1")


def test_pods_serve_on_every_node(serving: list[dict[str, Any]], all_nodes: list[str], noted: Path) -> None:
    assert [pod["node"] for pod in serving] == all_nodes
    noted.write_text(json.dumps(serving), encoding="utf-8")
