# SPDX-License-Identifier: Apache-2.0
"""A run as text that fits a screen: what fails first, then what is unknown, then the counts."""

from __future__ import annotations

from cksharden.model import Findings, Severity, Status
from cksharden.report.groups import Group, Trouble, failing, troubles
from cksharden.report.interface import Options, View
from cksharden.report.outcome import open_lines, outcome_lines, proof_lines
from cksharden.report.planned import plan_lines
from cksharden.report.remedy import remedies
from cksharden.report.restored import restoration_lines
from cksharden.report.sheet import Sheet, Style, shorten

# A control of a large expectation (cipher suites) must not push the others off the screen.
_SHORT = 90
_HOSTS_SHOWN = 20
_STYLES = {
    Status.FAIL: Style.BAD,
    Status.UNKNOWN: Style.UNSURE,
    Status.WAIVED: Style.UNSURE,
    Status.PASS: Style.GOOD,
    Status.NOT_APPLICABLE: Style.QUIET,
}


class TextReporter:
    """For people."""

    def render(self, view: View, options: Options) -> str:
        """See Reporter."""
        sheet = Sheet(colours=options.colours)
        open_lines(sheet, view)
        if view.restorations is not None and not view.outcomes:
            restoration_lines(sheet, view.restorations)
        if view.outcomes:
            outcome_lines(sheet, view)
        if view.verification is not None:
            proof_lines(sheet, view.verification)
        if view.plan is not None and view.command == "plan":
            plan_lines(sheet, view.plan)
        if view.findings is not None:
            _finding_lines(sheet, view, view.findings, options)
        if view.stopped and not view.interrupted:
            sheet.line("This run was stopped before it found anything out.")
        sheet.gap()
        sheet.line(f"Run {view.run}. To see this again: {view.again}")
        return sheet.text()


def _finding_lines(sheet: Sheet, view: View, findings: Findings, options: Options) -> None:
    # A plan has shown each of them already; after an apply it is done, and says nothing of what fails now.
    remedy = remedies(findings, None if view.outcomes else view.plan)
    groups = failing(findings, remedy)
    if groups and (view.command != "plan" or options.everything):
        _failing_lines(sheet, groups, options)
    _trouble_lines(sheet, troubles(findings), len(findings.controls))
    if options.everything:
        _other_lines(sheet, findings)
    _count_lines(sheet, findings, options)


def _failing_lines(sheet: Sheet, groups: list[Group], options: Options) -> None:
    sheet.heading("Fails")
    control = ""
    for group in groups:
        if group.control != control:
            control = group.control
            severity = (f"{group.severity:<8}  ", _severity_style(group.severity))
            sheet.line(severity, (control, Style.HEAD), f"  {group.title}")
        _group_lines(sheet, group, 0 if options.everything else _SHORT)


def _group_lines(sheet: Sheet, group: Group, limit: int) -> None:
    place = f" ({group.source})" if group.source and group.source not in group.observed else ""
    seen, wanted = shorten(group.observed, limit), shorten(group.expected, limit)
    sheet.line(" " * 10, f"{', '.join(group.hosts)}: ", f"{seen}{place}; expected {wanted}")
    if group.remedy:
        sheet.line(" " * 10, ("apply ", Style.QUIET), shorten(group.remedy, 2 * limit))


def _severity_style(severity: Severity) -> Style:
    return Style.BAD if severity in (Severity.CRITICAL, Severity.HIGH) else Style.UNSURE


def _trouble_lines(sheet: Sheet, found: list[Trouble], controls: int) -> None:
    if not found:
        return
    sheet.heading("Unknown")
    for trouble in found:
        whole = len(trouble.controls) == controls
        what = "all controls" if whole and controls > 1 else ", ".join(trouble.controls)
        sheet.line((", ".join(trouble.hosts), Style.UNSURE), f": {trouble.reason} ({what})")


def _other_lines(sheet: Sheet, findings: Findings) -> None:
    for status in (Status.WAIVED, Status.PASS, Status.NOT_APPLICABLE):
        chosen = [one for one in findings.findings if one.status is status]
        if chosen:
            sheet.heading(_words(status).capitalize())
        for one in chosen:
            sheet.line((one.host, _STYLES[status]), f"  {one.control}: {one.reason}")


def _count_lines(sheet: Sheet, findings: Findings, options: Options) -> None:
    shown = [one for one in _STYLES if one is not Status.WAIVED or findings.count(one)]
    per_host = {host: dict.fromkeys(Status, 0) for host in findings.hosts}
    for one in findings.findings:
        per_host[one.host][one.status] += 1
    worst_first = sorted(
        per_host, key=lambda host: (-per_host[host][Status.FAIL], -per_host[host][Status.UNKNOWN])
    )
    hosts = worst_first if options.everything else worst_first[:_HOSTS_SHOWN]
    rows = [["", *map(_words, shown)]]
    rows += [[host, *(str(per_host[host][status]) for status in shown)] for host in hosts]
    if len(hosts) < len(per_host):
        rest = worst_first[len(hosts) :]
        rows.append(
            [f"{len(rest)} others", *(str(sum(per_host[host][one] for host in rest)) for one in shown)]
        )
    if len(per_host) > 1:
        rows.append(["all", *(str(findings.count(status)) for status in shown)])
    sheet.gap()
    sheet.table(rows)


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
