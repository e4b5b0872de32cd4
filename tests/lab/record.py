# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin that writes how each fault ended into docs/faults.md, with the commit that it ran on.

`nox -s faults` loads it. A row that ran takes the place of the one before of that topology; one that did not
(`nox -s faults -- -k WORDS`) keeps what was recorded, one that is no test any more goes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from lab import testing
from lab.commit import commit

from tests.lab import faults, static_pods

PAGE = faults.ROOT / "docs/faults.md"
_ENDED = {"passed": "as before or as planned", "failed": "FAILED", "skipped": "not run"}
_HEAD = """\
| what changes | fault | where | the node, and the next run | seconds | commit | day |
|---|---|---|---|---|---|---|"""

Fault = tuple[str, str, str]
"""What changes, what happens to it, and at which step."""


class Record:
    """Keeps which tests there are, and the outcome and the seconds of every test that ran."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._ran: dict[Fault, tuple[str, float]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Take every test, also those that are not chosen to run."""
        self._all.append(fault(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the call of a test, and every phase of it that failed."""
        if report.when == "call" or report.failed:
            _, seconds = self._ran.get(fault(report.nodeid), ("", 0.0))
            self._ran[fault(report.nodeid)] = (report.outcome, seconds + report.duration)

    def pytest_sessionfinish(self) -> None:
        """Write the table of this topology."""
        if not self._ran:
            return
        lab, page = testing.lab(), PAGE.read_text("utf-8")
        known = rows(page, lab.topology)
        for each, (outcome, seconds) in self._ran.items():
            day = f"{datetime.now(UTC):%Y-%m-%d}"
            known[each] = (_ENDED[outcome], f"{seconds:.0f}", commit(PAGE), day)
        table = {each: known[each] for each in self._all if each in known}
        failed = sum(ended == _ENDED["failed"] for ended, *_ in table.values())
        lines = [
            f"## {lab.topology}: faults of {' and '.join(dict.fromkeys((faults.NODE, static_pods.NODE)))}",
            "",
            f"Kubernetes {lab.kubernetes}. {len(table)} of {len(self._all)} faults, {failed} failed.",
            "",
            _HEAD,
            *(f"| {' | '.join((*each, *ended))} |" for each, ended in table.items()),
        ]
        PAGE.write_text(replaced(page, lab.topology, "\n".join(lines)), "utf-8")


def fault(nodeid: str) -> Fault:
    """Return what a test's name says, and the step in brackets behind it."""
    path, _, test = nodeid.partition("::")
    name = re.fullmatch(r"test_(\w+)(?:\[(.*)\])?", test)
    what = "static pods" if "static_pod" in path else "kubelet"
    return (what, name[1].replace("_", " "), name[2] or "") if name else (what, nodeid, "")


def sections(page: str) -> tuple[str, list[str]]:
    """Return what is before the first section, and the sections."""
    head, *found = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    return head.strip(), [section.strip() for section in found]


def rows(page: str, topology: str) -> dict[Fault, tuple[str, ...]]:
    """Return what the page says of the faults of a topology."""
    found: dict[Fault, tuple[str, ...]] = {}
    for section in sections(page)[1]:
        if section.startswith(f"## {topology}:"):
            for line in section.partition(_HEAD)[2].splitlines()[1:]:
                what, name, step, *ended = (cell.strip() for cell in line.strip().strip("|").split("|"))
                found[what, name, step] = tuple(ended)
    return found


def replaced(page: str, topology: str, table: str) -> str:
    """Return the page with the section of one topology replaced, or added at its end."""
    head, found = sections(page)
    kept = [section for section in found if not section.startswith(f"## {topology}:")]
    return "\n\n".join([head, *sorted([*kept, table], reverse=True)]) + "\n"


def pytest_configure(config: pytest.Config) -> None:
    """Begin a record."""
    config.pluginmanager.register(Record(), "cksharden-record")
