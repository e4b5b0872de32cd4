# SPDX-License-Identifier: Apache-2.0
"""Control planes change strictly one after another, and nobody outside waits for the API."""

from __future__ import annotations

import itertools
from typing import Any

Spans = dict[str, tuple[float, float]]
# Seconds between two answers of the API through the load balancer. A kubelet that restarts stops no API
# server: this is room for a busy machine.
LONGEST = 3.0


def test_no_kubelet_changes_before_the_gate_of_the_one_before_has_closed(
    spans: Spans, planned: list[str]
) -> None:
    order = sorted(spans, key=lambda node: spans[node])
    assert order == planned
    # In turn, but that the one whose etcd leads goes last.
    planes = order[:-1]
    assert planes[:-1] == sorted(planes[:-1])
    assert (sorted(planes), order[-1]) == (["cp1", "cp2", "cp3"], "w1")
    for earlier, later in itertools.pairwise(order):
        assert spans[earlier][1] <= spans[later][0], f"{later} began before {earlier} was done"


def test_every_kubelet_was_away_within_its_own_turn_alone(watched: Any, spans: Spans) -> None:
    for node, (begun, ended) in spans.items():
        away = watched["closed"][node]
        assert away, f"nobody saw the kubelet of {node} restart"
        assert begun <= away[0]
        assert away[-1] <= ended


def test_the_api_was_never_away(watched: Any, spans: Spans) -> None:
    answered = watched["answered"]
    assert answered[0] < min(begun for begun, _ in spans.values())
    assert answered[-1] > max(ended for _, ended in spans.values())
    gaps = [later - earlier for earlier, later in itertools.pairwise(answered)]
    assert max(gaps) <= LONGEST, watched["failed"]
