# SPDX-License-Identifier: Apache-2.0
"""A faked node for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.node.fakes import FakeNode


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)
