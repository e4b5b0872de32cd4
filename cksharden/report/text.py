# SPDX-License-Identifier: Apache-2.0
"""A run as text: what is still open, what was done and proved or would be, and what holds."""

from __future__ import annotations

from cksharden.report.interface import Options, View
from cksharden.report.outcome import open_lines, outcome_lines, proof_lines
from cksharden.report.planned import nothing_planned, plan_lines
from cksharden.report.prepared import preparation_lines
from cksharden.report.restored import restoration_lines
from cksharden.report.sheet import Sheet
from cksharden.report.summary import summary_lines


class TextReporter:
    """For people."""

    def render(self, view: View, options: Options) -> str:
        """See Reporter."""
        sheet = Sheet(colours=options.colours)
        open_lines(sheet, view)
        if view.restorations is not None and not view.outcomes:
            restoration_lines(sheet, view.restorations)
        if view.preparations is not None and not view.outcomes:
            preparation_lines(sheet, view.preparations)
        if view.outcomes:
            outcome_lines(sheet, view)
        if view.verification is not None:
            proof_lines(sheet, view.verification)
        if view.plan is not None and view.command == "plan":
            if view.findings is not None and not view.plan.changes:
                sheet.line(f"Plan: {nothing_planned(view.plan, view.findings.hosts)}.")
            plan_lines(sheet, view.plan)
        end = _end_lines(view)
        if view.findings is not None:
            summary_lines(sheet, view, view.findings, options, reserved=len(end))
        if view.stopped and not view.interrupted:
            sheet.line("This run was stopped before it found anything out.")
        sheet.gap()
        for line in end:
            sheet.line(line)
        return sheet.text()


def _end_lines(view: View) -> list[str]:
    lines = [f"Run {view.run}; again: {view.again}"]
    changed = any(one.outcome == "committed" for outcome in view.outcomes for one in outcome.transactions)
    if view.command == "apply" and changed:
        lines.append(f"Take it back: cksharden rollback {view.inventory} --run {view.run}")
    return lines
