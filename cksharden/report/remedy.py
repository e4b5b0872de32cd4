# SPDX-License-Identifier: Apache-2.0
"""What `apply` would do about each failing finding, in words."""

from __future__ import annotations

from cksharden.model import Findings, HostPlan, Plan, Status


def remedies(findings: Findings | None, plan: Plan | None) -> dict[tuple[str, str], str]:
    """Return (host, control) -> words, for what fails; empty words without a plan."""
    words = {}
    for finding in findings.findings if findings else ():
        if finding.status is Status.FAIL:
            host = plan.hosts.get(finding.host) if plan else None
            words[finding.host, finding.control] = _words(finding.control, host) if host else ""
    return words


def _words(control: str, host: HostPlan) -> str:
    for role, items in host.settings.items():
        mine = [item for item in items if item["control"] == control]
        if mine:
            named = {role.removesuffix("_settings")} | {item.get("component") for item in mine}
            restarts = [name for name in host.restarts if name in named]
            return " and restarts the ".join(["changes it", *restarts])
    reason = next((one.reason for one in host.left_out if one.control == control), "")
    return f"leaves it: {reason}" if reason else "leaves it"
