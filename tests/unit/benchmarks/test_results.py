# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from benchmarks.results import MEASURES, Column, Measure, tables

AUDIT_TO_FLOOR, STOCK_TO_AUDIT = MEASURES[:2]


def test_rounds_are_compared_in_pairs() -> None:
    column = Column(10, {"audit": {1: 2.0, 2: 4.0, 3: 9.0}, "stock": {1: 20.0, 2: 60.0}})
    assert STOCK_TO_AUDIT.of(column) == [10, 15]
    assert Measure("", "stock", "audit", {}, difference=True).of(column) == [18, 56]


@pytest.mark.parametrize(
    ("measure", "hosts", "audit", "other", "missed"),
    [
        (AUDIT_TO_FLOOR, 100, 15.0, 10.0, True),
        (AUDIT_TO_FLOOR, 100, 14.0, 10.0, False),
        (AUDIT_TO_FLOOR, 10, 15.0, 10.0, False),
        (STOCK_TO_AUDIT, 1, 1.0, 19.0, True),
        (STOCK_TO_AUDIT, 10, 1.0, 60.0, False),
    ],
)
def test_a_miss_is_called_a_miss(
    measure: Measure, hosts: int, audit: float, other: float, missed: bool
) -> None:
    other_name = "floor" if measure is AUDIT_TO_FLOOR else "stock"
    column = Column(hosts, {"audit": {1: audit}, other_name: {1: other}})
    assert measure.missed(column) is missed
    assert ("**missed**" in tables([column])) is missed


def test_twice_the_hosts_in_about_twice_the_time() -> None:
    columns = [Column(hosts, {"audit": {1: seconds}}) for hosts, seconds in ((100, 10.0), (200, 21.0))]
    assert "| audit of 200 hosts / of 100 | at most 2.05 |  | 2.10, **missed** |" in tables(columns)
    assert "audit of 200 hosts" not in tables(columns[:1])
