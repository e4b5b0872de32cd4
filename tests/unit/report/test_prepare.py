# SPDX-License-Identifier: Apache-2.0
"""What `prepare` shows: every file, its attributes, what stands in the way, and never a content."""

from __future__ import annotations

import json

import pytest

from cksharden import records
from cksharden.errors import ExitCode
from cksharden.report import REPORTERS, Options, View
from cksharden.transactions import (
    Attributes,
    HostOutcome,
    Preparation,
    Preparations,
    PreparedFile,
    Transaction,
)
from tests.unit.report.samples import RUN

CLOSED = Attributes("0600", 0, 0, "root", "root")
OPEN = Attributes("0644", 7, 0, None, "root")
NEW = PreparedFile("/etc/kubernetes/cksharden/audit.yaml", "create", CLOSED)
OLD = PreparedFile("/etc/kubernetes/cksharden/encryption.yaml", "replace", CLOSED, OPEN)
SAME = PreparedFile("/etc/kubernetes/cksharden", "as_there", CLOSED, CLOSED)
OTHER = PreparedFile("/etc/kubernetes/a.yaml", "conflict", CLOSED, OPEN, "this control plane has another one")


def view(*files: PreparedFile, notes: tuple[str, ...] = (), outcomes: tuple[HostOutcome, ...] = ()) -> View:
    found = Preparations((Preparation("cp3", "cp1", files, notes),))
    return View(RUN, "prepare", "", None, f"cksharden report {RUN}", outcomes=outcomes, preparations=found)


def text(shown: View) -> str:
    return REPORTERS["text"].render(shown, Options())


def test_it_names_every_file_and_where_it_comes_from() -> None:
    shown = text(view(NEW, OLD, SAME, notes=("/srv/ca.crt: see that it is there",)))
    assert "cp3: what kubeadm-config names, as cp1 has it" in shown
    assert "create      /etc/kubernetes/cksharden/audit.yaml  mode 0600, owner root, group root" in shown
    assert "owner root, group root, was mode 0644, owner 7, group root" in shown
    assert "as there    /etc/kubernetes/cksharden\n" in shown
    assert "see that it is there" in shown
    assert "Nothing is placed" not in shown


def test_another_file_of_a_control_plane_stands_in_the_way() -> None:
    shown = text(view(NEW, OTHER))
    assert "conflict    /etc/kubernetes/a.yaml: this control plane has another one" in shown
    assert "Nothing is placed" in shown


def test_a_cluster_that_names_nothing_needs_nothing() -> None:
    assert "cp3: kubeadm-config names nothing that is to be placed" in text(view())


def outcome(status: str, ended: str) -> tuple[HostOutcome, ...]:
    return (HostOutcome("cp3", status, "", (Transaction("prepare", ended),)),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (view(), ExitCode.COMPLIANT),
        (view(SAME), ExitCode.COMPLIANT),
        (view(NEW, OTHER), ExitCode.INCOMPLETE),
        (view(NEW, outcomes=outcome("ok", "committed")), ExitCode.COMPLIANT),
        (view(NEW, outcomes=outcome("failed", "restored")), ExitCode.INCOMPLETE),
    ],
    ids=["nothing named", "all there", "conflict", "placed", "put back"],
)
def test_its_exit_code(shown: View, code: ExitCode) -> None:
    assert records.exit_code(shown) is code


def test_json_holds_the_preview() -> None:
    document = json.loads(REPORTERS["json"].render(view(NEW), Options()))
    assert document["prepare"]["hosts"][0]["files"][0]["status"] == "create"
