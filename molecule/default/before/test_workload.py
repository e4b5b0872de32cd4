# SPDX-License-Identifier: Apache-2.0
"""A workload serves on every node; who it is, is noted for the tests after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

testinfra_hosts = ["ansible://kube_control_plane?force_ansible=True"]


def test_the_workload_runs(workload: list[dict[str, Any]], noted: Path) -> None:
    assert [pod["node"] for pod in workload] == ["cp1", "w1"]
    assert all(pod["serves"] for pod in workload)
    noted.write_text(json.dumps(workload), encoding="utf-8")
