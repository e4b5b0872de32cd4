# SPDX-License-Identifier: Apache-2.0
"""The findings as text: what fails first, then what is unknown, then the counts; on a screen, what fits."""

from __future__ import annotations

from collections.abc import Sequence

from cksharden.model import Findings, Status
from cksharden.report.groups import Group, Trouble, exceptions, failing, troubles
from cksharden.report.interface import Options, View
from cksharden.report.remedy import remedies
from cksharden.report.sheet import Sheet, Style, shorten
from cksharden.vocabulary import Severity

# A control of a large expectation (cipher suites) must not push the others off the screen.
_SHORT = 90
_HOSTS_COUNTED = 20
_HOSTS_NAMED_ON_SCREEN = 3
_GROUPS_AT_LEAST = 2
_INDENT = " " * 10
_STYLES = {
    Status.FAIL: Style.BAD,
    Status.UNKNOWN: Style.UNSURE,
    Status.WAIVED: Style.UNSURE,
    Status.PASS: Style.GOOD,
    Status.NOT_APPLICABLE: Style.QUIET,
}


def summary_lines(sheet: Sheet, view: View, findings: Findings, options: Options, reserved: int = 0) -> None:
    """Add the findings.

    Args:
        sheet: where; its lines so far count against the screen.
        view: the run; a plan in it has shown already what fails.
        findings: those to show.
        options: how.
        reserved: lines that come after these.
    """
    columns = options.screen.columns if options.screen else 0
    rest = Sheet(colours=options.colours, columns=columns)
    _trouble_lines(rest, troubles(findings), options)
    _waived_lines(rest, findings, options)
    if findings.notes:
        rest.heading("Notes")
    for note in findings.notes:
        rest.line(note)
    if options.everything:
        _other_lines(rest, findings)
    _count_lines(rest, findings, options)
    # A plan has shown each of them already; after an apply it is done, and says nothing of what fails now.
    groups = failing(findings, remedies(findings, None if view.outcomes else view.plan))
    if groups and (view.command != "plan" or options.everything):
        first = Sheet(colours=options.colours, columns=columns)
        room = options.screen.lines - len(sheet) - len(rest) - reserved if options.screen else None
        _failing_lines(first, groups, options, room, view.again)
        sheet.add(first)
    sheet.add(rest)


def _failing_lines(
    sheet: Sheet, groups: Sequence[Group], options: Options, room: int | None, again: str
) -> None:
    sheet.line(("Fails", Style.HEAD))
    # The heading, the line about the others, an empty line before and after, and the line that is typed on.
    fitting = len(groups) if room is None else max(_GROUPS_AT_LEAST, (room - 5) // 2)
    shown = groups[:fitting]
    before: Group | None = None
    for group in shown:
        _group_lines(sheet, group, before, options)
        before = group
    if len(shown) < len(groups):
        sheet.line((f"… and {len(groups) - len(shown)} more: {again} --all", Style.HEAD))


def _group_lines(sheet: Sheet, group: Group, before: Group | None, options: Options) -> None:
    limit = _limit(options)
    if before is None or _asked(before) != _asked(group):
        asked, apply = ": expected ", f"; apply {shorten(group.remedy, 2 * limit)}" if group.remedy else ""
        if options.screen:  # at least whether apply changes it has to be seen
            taken = len(_INDENT + group.control + asked) + min(len(apply), len("; apply changes it…"))
            limit = max(options.screen.columns - taken, 1)
        sheet.line(
            (f"{group.severity:<8}  ", _severity_style(group.severity)),
            (group.control, Style.HEAD),
            f"{asked}{shorten(group.expected, limit)}{apply}",
        )
    place = f" ({group.source})" if group.source and group.source not in group.observed else ""
    sheet.line(_INDENT, f"{_named(group.hosts, options)}: {shorten(group.observed, _limit(options))}{place}")


def _limit(options: Options) -> int:
    return 0 if options.everything else _SHORT


def _asked(group: Group) -> tuple[str, str, str]:
    return group.control, group.expected, group.remedy


def _named(hosts: Sequence[str], options: Options) -> str:
    if options.screen is None or len(hosts) <= _HOSTS_NAMED_ON_SCREEN + 1:
        return ", ".join(hosts)
    named = hosts[:_HOSTS_NAMED_ON_SCREEN]
    return f"{', '.join(named)} and {len(hosts) - len(named)} more"


def _severity_style(severity: Severity) -> Style:
    return Style.BAD if severity in (Severity.CRITICAL, Severity.HIGH) else Style.UNSURE


def _trouble_lines(sheet: Sheet, found: list[Trouble], options: Options) -> None:
    if not found:
        return
    sheet.heading("Unknown")
    shown = found if options.screen is None else found[: options.screen.lines // 12]
    for trouble in shown:
        what = ", ".join(trouble.controls) or "all controls"
        sheet.line((_named(trouble.hosts, options), Style.UNSURE), f": {trouble.reason} ({what})")
    if len(shown) < len(found):
        sheet.line((f"… and {len(found) - len(shown)} more reasons", Style.HEAD))


def _waived_lines(sheet: Sheet, findings: Findings, options: Options) -> None:
    found = list(exceptions(findings).items())
    if found:
        sheet.heading("Waived")
    shown = found if options.screen is None else found[: options.screen.lines // 12]
    for (control, waiver), hosts in shown:
        told = f": until {waiver.expires} by {waiver.owner}: {shorten(waiver.reason, _limit(options))}"
        sheet.line((control, Style.UNSURE), f" on {_named(hosts, options)}{told}")
    if len(shown) < len(found):
        sheet.line((f"… and {len(found) - len(shown)} more waivers", Style.HEAD))


def _other_lines(sheet: Sheet, findings: Findings) -> None:
    for status in (Status.PASS, Status.NOT_APPLICABLE):
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
    limit = options.screen.lines // 8 if options.screen else _HOSTS_COUNTED
    hosts = worst_first if options.everything or len(worst_first) == limit + 1 else worst_first[:limit]
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
