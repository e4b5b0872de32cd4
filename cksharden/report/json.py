# SPDX-License-Identifier: Apache-2.0
"""A run as one JSON document, for programs."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from cksharden.model import Finding, Status
from cksharden.report.interface import Options, View
from cksharden.report.remedy import remedies

REPORT_FORMAT = "cksharden-report"
SCHEMA = "1.0"


class JsonReporter:
    """ASCII only, so nothing in it can move a terminal; keys are only ever added within schema 1.x."""

    def render(self, view: View, options: Options) -> str:
        """See Reporter. A finding that passes is always in it, whatever the options."""
        del options
        remedy = remedies(view.findings, view.plan)
        document: dict[str, Any] = {
            "format": REPORT_FORMAT,
            "schema": SCHEMA,
            "run": view.run,
            "command": view.command,
            "inventory": view.inventory,
        }
        if view.findings is not None:
            document["profile"] = view.findings.profile
            document["hosts"] = view.findings.hosts
            document["counts"] = {status.value: view.findings.count(status) for status in Status}
            document["findings"] = [_finding(one, remedy) for one in view.findings.findings]
            document["notes"] = view.findings.notes
            document["open_transactions"] = msgspec.to_builtins(view.open_transactions)
        if view.interrupted:
            document["interrupted"] = True
        if view.plan is not None:
            document["plan"] = msgspec.to_builtins(view.plan)
        if view.outcomes:
            document["outcomes"] = msgspec.to_builtins(view.outcomes)
        if view.verification is not None:
            document["verification"] = msgspec.to_builtins(view.verification)
        if view.restorations is not None:
            document["rollback"] = msgspec.to_builtins(view.restorations)
        if view.preparations is not None:
            document["prepare"] = msgspec.to_builtins(view.preparations)
        return json.dumps(document, indent=2) + "\n"


def _finding(finding: Finding, remedy: dict[tuple[str, str], str]) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(finding)
    if finding.status is Status.FAIL:
        data["remedy"] = remedy.get((finding.host, finding.control), "")
    return data
