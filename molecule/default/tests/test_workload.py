# SPDX-License-Identifier: Apache-2.0
"""The workload from before is the same pods, never restarted, and still serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

testinfra_hosts = ["ansible://kube_control_plane?force_ansible=True"]


def test_the_workload_never_stopped(workload: list[dict[str, Any]], noted: Path) -> None:
    assert workload == json.loads(noted.read_text(encoding="utf-8"))
