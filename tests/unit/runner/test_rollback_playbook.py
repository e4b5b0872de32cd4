# SPDX-License-Identifier: Apache-2.0
"""What the playbook rollback goes on after, by its own conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

PLAYBOOK = Path(__file__).parents[3] / "playbooks" / "rollback.yml"
PODS = "Rollback | Put back what the role static_pods changed"


def fails(rewritten: dict[str, Any], pods: dict[str, Any]) -> bool:
    """Return whether the play ends with what the static pods' rollback answered."""
    tasks = [task for play in yaml.safe_load(PLAYBOOK.read_text()) for task in play.get("tasks", ())]
    (task,) = [one for one in tasks if one["name"] == PODS]
    condition = Environment(autoescape=True).compile_expression(task["failed_when"])
    return bool(condition(cksharden_rewritten=rewritten, cksharden_pods_back=pods))


@pytest.mark.parametrize(
    ("rewritten", "outcome", "ends"),
    [
        (True, "refused", False),
        (True, "restored", True),
        (True, "open", True),
        (True, None, True),
        (False, "refused", True),
    ],
    ids=[
        "the node refused",
        "the gate did not hold",
        "no end seen",
        "not reached",
        "refused for another reason",
    ],
)
def test_only_a_refusal_after_a_rewrite_that_failed_is_gone_on_after(
    rewritten: bool, outcome: str | None, ends: bool
) -> None:
    pods = {"failed": True, **({"cksharden": {"outcome": outcome}} if outcome else {})}
    assert fails({"failed": rewritten}, pods) is ends
