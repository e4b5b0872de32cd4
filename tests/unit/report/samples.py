# SPDX-License-Identifier: Apache-2.0
"""Findings and plans for tests of reports."""

from __future__ import annotations

from typing import Any

from cksharden.model import (
    FileState,
    Finding,
    Findings,
    HostPlan,
    Item,
    LeftOut,
    NodeKind,
    Plan,
    PlannedFile,
    Status,
)
from cksharden.report import View
from cksharden.vocabulary import Severity

RUN = "20261123T132000Z-1a2b3c"


def finding(
    control: str = "kubelet_tls", host: str = "w1", status: Status = Status.FAIL, **more: Any
) -> Finding:
    given = {"title": "A title", "severity": Severity.MEDIUM, "reason": f"reason of {control}"}
    return Finding(control=control, host=host, status=status, **(given | more))


def findings(*all_of_them: Finding) -> Findings:
    hosts = tuple(dict.fromkeys(one.host for one in all_of_them))
    controls = tuple(dict.fromkeys(one.control for one in all_of_them))
    return Findings(RUN, "cks", hosts, controls, all_of_them)


def view(*all_of_them: Finding, command: str = "check", **more: Any) -> View:
    given = findings(*all_of_them)
    return View(RUN, command, "inventories/lab", given, f"cksharden report {RUN}", **more)


def facets(declared: Any, running: Any) -> tuple[Item, ...]:
    return (Item("declared", Status.FAIL, declared), Item("running", Status.FAIL, running))


def plan(*hosts: str, left_out: tuple[LeftOut, ...] = (), secret: bool = False) -> Plan:
    before = FileState("0644", "root", "root", "sha256:old")
    drop_in = PlannedFile(
        path="/etc/kubernetes/kubelet.conf.d/99-cksharden.conf",
        role="kubelet",
        controls=("kubelet_tls",),
        action="edit",
        before=before,
        after=FileState("0644", "root", "root", None if secret else "sha256:new"),
        diff="" if secret else "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n",
        secret=secret,
    )
    mode = PlannedFile(
        path="/var/lib/kubelet/config.yaml",
        role="file_access",
        controls=("kubelet_config_mode",),
        action="attributes",
        before=FileState("0644", "root", "root"),
        after=FileState("0600", "root", "root"),
    )
    settings: dict[str, list[dict[str, Any]]] = {
        "kubelet_settings": [{"control": "kubelet_tls", "key": "tlsMinVersion", "value": "VersionTLS13"}],
        "file_access_settings": [{"control": "kubelet_config_mode", "path": mode.path, "mode": "0600"}],
    }
    one = HostPlan(NodeKind.WORKER, settings, (drop_in, mode), ("kubelet",), left_out)
    return Plan(RUN, dict.fromkeys(hosts, one), (hosts,))
