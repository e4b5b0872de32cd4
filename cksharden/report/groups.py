# SPDX-License-Identifier: Apache-2.0
"""Findings gathered for a reader: one entry for all hosts of which the same is to be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cksharden.model import Finding, Findings, Status, Waiver
from cksharden.vocabulary import Severity

_SEVERITIES = tuple(Severity)


@dataclass(frozen=True)
class Group:
    """A control that fails in the same way on some hosts."""

    control: str
    title: str
    severity: Severity
    hosts: tuple[str, ...]
    observed: str
    expected: str
    source: str
    remedy: str


@dataclass(frozen=True)
class Trouble:
    """A reason for which some controls are unknown on some hosts."""

    reason: str
    hosts: tuple[str, ...]
    controls: tuple[str, ...]
    """Empty where it is all that are asked of the hosts."""


def failing(findings: Findings, remedy: Mapping[tuple[str, str], str]) -> list[Group]:
    """Return what fails, the most severe first, then by control in the order of the catalogue."""
    hosts: dict[tuple[int, int, str, str, str, str], list[Finding]] = {}
    order = {control: place for place, control in enumerate(findings.controls)}
    for one in findings.findings:
        if one.status is Status.FAIL:
            words = remedy.get((one.host, one.control), "")
            place = (_SEVERITIES.index(one.severity), order[one.control])
            hosts.setdefault((*place, show(one.expected), words, observed(one), one.source), []).append(one)
    groups = []
    for key in sorted(hosts):
        first = hosts[key][0]
        names = tuple(one.host for one in hosts[key])
        _, _, expected, words, seen, source = key
        groups.append(Group(first.control, first.title, first.severity, names, seen, expected, source, words))
    return groups


def troubles(findings: Findings) -> list[Trouble]:
    """Return what is unknown: an unreachable host is one entry, not one for each control."""
    by_host: dict[tuple[str, str], list[str]] = {}
    asked: Counter[str] = Counter()
    for one in findings.findings:
        asked[one.host] += one.status is not Status.NOT_APPLICABLE
        if one.status is Status.UNKNOWN:
            by_host.setdefault((one.host, one.reason), []).append(one.control)
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (host, reason), controls in by_host.items():
        whole = 1 < len(controls) == asked[host]
        merged.setdefault((reason, () if whole else tuple(controls)), []).append(host)
    return [Trouble(reason, tuple(hosts), controls) for (reason, controls), hosts in merged.items()]


def exceptions(findings: Findings) -> dict[tuple[str, Waiver], list[str]]:
    """Return the hosts on which each control is waived, by the waiver that does it."""
    found: dict[tuple[str, Waiver], list[str]] = {}
    for one in findings.findings:
        if one.status is Status.WAIVED and one.waiver is not None:
            found.setdefault((one.control, one.waiver), []).append(one.host)
    return found


def observed(finding: Finding) -> str:
    """Say what was seen: the value where there is one, else the reason, which names each of several."""
    values = {show(item.observed) for item in finding.items}
    if finding.observed is None or len(values) > 1 or isinstance(finding.observed, dict):
        return finding.reason
    return show(finding.observed)


def show(value: Any) -> str:
    """Return a value of a finding as text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key} {show(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(show, value))
    return str(value)
