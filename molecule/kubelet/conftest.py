# SPDX-License-Identifier: Apache-2.0
"""What the tests before and after share: a pod that starts many processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# The shell ends where it may not fork.
START = "(for n in $(seq 100); do sleep 5 >/dev/null 2>&1 & echo started; done) 2>/dev/null; true"


@pytest.fixture
def forks(in_pod: Callable[..., str]) -> Callable[[str], int]:
    """Return a function that returns how many of 100 processes the pod of a workload on this node gets."""

    def count(workload: str) -> int:
        return in_pod(workload, "/bin/sh", "-c", START).count("started")

    return count
