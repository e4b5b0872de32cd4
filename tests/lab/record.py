# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin that writes how each fault ended into docs/faults.md, with the commit that it ran on.

`nox -s faults` loads it; a record of one topology takes the place of the one before.
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


class Record:
    """Keeps the outcome and the seconds of every test."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, float]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the call of a test, and every phase of it that failed."""
        if report.when == "call" or report.failed:
            _, seconds = self._rows.get(report.nodeid, ("", 0.0))
            self._rows[report.nodeid] = (report.outcome, seconds + report.duration)

    def pytest_sessionfinish(self) -> None:
        """Write the table of this topology."""
        if self._rows:
            topology = testing.lab().topology
            PAGE.write_text(replaced(PAGE.read_text("utf-8"), topology, self._table(topology)), "utf-8")

    def _table(self, topology: str) -> str:
        failed = sum(outcome == "failed" for outcome, _ in self._rows.values())
        nodes = dict.fromkeys((faults.NODE, static_pods.NODE))
        lines = [
            f"## {topology}: faults of {' and '.join(nodes)}",
            "",
            f"Commit {commit(PAGE)}, {datetime.now(UTC):%Y-%m-%d}, Kubernetes {testing.lab().kubernetes}.",
            f"{len(self._rows)} faults, {failed} failed.",
            "",
            "| what changes | fault | where | the node, and the next run | seconds |",
            "|---|---|---|---|---|",
        ]
        for nodeid, (outcome, seconds) in self._rows.items():
            fault, where = words(nodeid)
            what = "static pods" if "static_pod" in nodeid.partition("::")[0] else "kubelet"
            lines.append(f"| {what} | {fault} | {where} | {_ENDED[outcome]} | {seconds:.0f} |")
        return "\n".join(lines)


def words(nodeid: str) -> tuple[str, str]:
    """Return what a test's name says, and the step in brackets behind it."""
    name = re.fullmatch(r".*::test_(\w+)(?:\[(.*)\])?", nodeid)
    return (name[1].replace("_", " "), name[2] or "") if name else (nodeid, "")


def replaced(page: str, topology: str, table: str) -> str:
    """Return the page with the section of one topology replaced, or added at its end."""
    head, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    kept = [section.strip() for section in sections if not section.startswith(f"## {topology}:")]
    return "\n\n".join([head.strip(), *sorted([*kept, table], reverse=True)]) + "\n"


def pytest_configure(config: pytest.Config) -> None:
    """Begin a record."""
    config.pluginmanager.register(Record(), "cksharden-record")
