# SPDX-License-Identifier: Apache-2.0
"""The types that travel between the stages; all are frozen, and all are JSON in the run directory."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec

from cksharden.vocabulary import Default, Severity

FINDINGS_FORMAT = "cksharden-findings"
PLAN_FORMAT = "cksharden-plan"
VERIFICATION_FORMAT = "cksharden-verification"
SCHEMA = "1.0"


class Status(StrEnum):
    """What a finding says. An error is UNKNOWN, never PASS or FAIL."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


_WORST_FIRST = (Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.PASS, Status.NOT_APPLICABLE)


def worst(statuses: list[Status]) -> Status:
    """Return the worst of several: fail, then unknown, then pass; nothing at all is not_applicable."""
    return min(statuses, key=_WORST_FIRST.index, default=Status.NOT_APPLICABLE)


class NodeKind(StrEnum):
    """What a node is, decided from its facts and never from its inventory group."""

    CONTROL_PLANE = "control_plane"
    WORKER = "worker"
    NONE = "none"


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"pass_": "pass"}):
    """Small facts for which the control must give each status; the tests run every one."""

    pass_: tuple[dict[str, Any], ...]
    fail: tuple[dict[str, Any], ...]
    unknown: tuple[dict[str, Any], ...]
    not_applicable: tuple[dict[str, Any], ...] = ()


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """One hardening control, as written in its file below `controls/`."""

    id: str
    title: str
    severity: Severity
    applies_to: tuple[Literal["control_plane", "worker"], ...]
    profiles: tuple[str, ...]
    refs: dict[str, str]
    kind: str
    with_: dict[str, Any]
    disruption: Literal["none", "restart_service", "restart_kubelet", "reboot", "drain"]
    default: Default
    why: str
    breaks: str
    examples: Examples
    since: str | None = None
    """First minor ("1.31") of the kubelet, or of the control's component, for which the control exists."""
    until: str | None = None
    """Last minor, inclusive."""
    needs: tuple[str, ...] = ()
    """Controls that must hold, or be planned, before this one is changed."""


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exception that somebody answers for, until a day."""

    control: str
    hosts: str
    """A host, a pattern of host names as in a shell, or a group of the inventory."""
    owner: str
    reason: str
    expires: str
    """The last day on which it holds, as 2027-01-31."""


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several things that a finding has to say: a facet, or a file."""

    what: str
    status: Status
    observed: Any = None
    source: str = ""
    reason: str = ""


class Judgement(msgspec.Struct, frozen=True):
    """What a kind says of one control on one node."""

    status: Status
    reason: str
    observed: Any = None
    expected: Any = None
    source: str = ""
    items: tuple[Item, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """What holds for one control on one host."""

    control: str
    host: str
    title: str
    severity: Severity
    status: Status
    reason: str
    observed: Any = None
    expected: Any = None
    source: str = ""
    items: tuple[Item, ...] = ()
    change: Default = Default.ENABLED
    waiver: Waiver | None = None
    """What excepts this host: the finding is waived, or fails again because the waiver has expired."""


class Findings(msgspec.Struct, frozen=True):
    """Exactly one finding per control and host: `findings.json`."""

    run: str
    profile: str
    hosts: tuple[str, ...]
    controls: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """What else a reader should know of them."""
    format: str = FINDINGS_FORMAT
    schema: str = SCHEMA

    def count(self, status: Status) -> int:
        """Return how many findings have `status`."""
        return sum(finding.status is status for finding in self.findings)


class LeftOut(msgspec.Struct, frozen=True):
    """A failing control that the plan does not change, and why."""

    control: str
    reason: str


class FileState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as it is, or as it will be."""

    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    digest: str | None = None


class PlannedFile(msgspec.Struct, frozen=True):
    """One file that the plan would change, for a person to read."""

    path: str
    role: str
    controls: tuple[str, ...]
    action: Literal["create", "edit", "attributes", "directory", "remove"]
    before: FileState | None
    after: FileState
    diff: str = ""
    """Unified diff; empty where only attributes change or the file holds a secret."""
    secret: bool = False


class HostPlan(msgspec.Struct, frozen=True):
    """What would change on one host. `settings` is what the roles get, as `<role>_settings`."""

    kind: NodeKind
    settings: dict[str, list[dict[str, Any]]]
    files: tuple[PlannedFile, ...] = ()
    restarts: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything would change on this host."""
        return any(self.settings.values())


class Plan(msgspec.Struct, frozen=True):
    """`plan.json`: per host the intent, the predicted files, and the order of the hosts."""

    run: str
    hosts: dict[str, HostPlan]
    order: tuple[tuple[str, ...], ...]
    """Batches that change one after another: each control plane alone, then the workers."""
    format: str = PLAN_FORMAT
    schema: str = SCHEMA

    @property
    def changes(self) -> bool:
        """Whether anything would change at all."""
        return any(host.changes for host in self.hosts.values())


class Outcome(msgspec.Struct, frozen=True):
    """What became of one control on one host between two findings."""

    host: str
    control: str
    before: Status
    after: Status
    planned: bool
    reason: str = ""


class Verification(msgspec.Struct, frozen=True):
    """`verify.json`: the plan held against what a second collection found."""

    run: str
    proved: tuple[Outcome, ...]
    """Planned, and pass now."""
    missed: tuple[Outcome, ...]
    """Planned, and known not to pass now."""
    worse: tuple[Outcome, ...]
    """Not planned, and worse now: passed before and does not now, or fails and could not be judged before."""
    unknown: tuple[Outcome, ...] = ()
    """Planned or passed before, and can't be told now."""
    format: str = VERIFICATION_FORMAT
    schema: str = SCHEMA
