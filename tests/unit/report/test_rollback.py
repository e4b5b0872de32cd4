# SPDX-License-Identifier: Apache-2.0
"""The preview of a rollback names every file, and what somebody has changed since."""

from __future__ import annotations

import json

import pytest

from cksharden import records
from cksharden.errors import ExitCode
from cksharden.report import REPORTERS, Options, View
from cksharden.transactions import (
    Configuration,
    HostOutcome,
    HostRestoration,
    Restoration,
    Restorations,
    Transaction,
)
from tests.unit.report.samples import RUN

BACK = Restoration("/etc/default/kubelet", "restore")
SAME = Restoration("/etc/kubernetes/kubelet.conf.d", "as_before", "others have put files there, so it stays")
MOVED = Restoration("/var/lib/kubelet/config.yaml", "moved", "mode is 0640, not 0600")
NEWER = Restoration("/etc/kubernetes/manifests/etcd.yaml", "newer", "it is of 3.7.0-0 by now")


def view(*files: Restoration, force: bool = False, outcomes: tuple[HostOutcome, ...] = ()) -> View:
    hosts = (HostRestoration("w1", True, {"kubelet": files}), HostRestoration("w2", False, {}))
    found = Restorations("20200101T000000Z-000000", force, hosts)
    return View(RUN, "rollback", "", None, f"cksharden report {RUN}", outcomes=outcomes, restorations=found)


def text(shown: View) -> str:
    return REPORTERS["text"].render(shown, Options())


def test_it_names_what_goes_back_and_who_knows_nothing_of_the_run() -> None:
    shown = text(view(BACK, SAME))
    assert "w1: restarts the kubelet" in shown
    assert "put back     /etc/default/kubelet" in shown
    assert "as before    /etc/kubernetes/kubelet.conf.d: others have put files there, so it stays" in shown
    assert "w2: keeps nothing of run 20200101T000000Z-000000" in shown


@pytest.mark.parametrize(("force", "word"), [(False, "conflict"), (True, "overwritten")])
def test_what_changed_since_is_a_conflict_unless_forced(force: bool, word: str) -> None:
    shown = text(view(BACK, MOVED, force=force))
    assert (
        f"{word:<11}  /var/lib/kubelet/config.yaml: changed since that run: mode is 0640, not 0600" in shown
    )
    assert ("Nothing is put back" in shown) is not force


@pytest.mark.parametrize("force", [False, True])
def test_what_an_upgrade_wrote_since_is_never_overwritten(force: bool) -> None:
    shown = view(BACK, NEWER, force=force)
    assert "upgraded     /etc/kubernetes/manifests/etcd.yaml: it is of 3.7.0-0 by now" in text(shown)
    assert "Nothing is put back: the cluster was upgraded since that run" in text(shown)
    assert records.exit_code(shown) is ExitCode.INCOMPLETE


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (view(SAME), ExitCode.COMPLIANT),
        (view(BACK, MOVED), ExitCode.INCOMPLETE),
        (
            view(BACK, outcomes=(HostOutcome("w1", "ok", "", (Transaction("kubelet", "committed"),)),)),
            ExitCode.COMPLIANT,
        ),
        (
            view(BACK, outcomes=(HostOutcome("w1", "failed", "", (Transaction("kubelet", "refused"),)),)),
            ExitCode.INCOMPLETE,
        ),
        (View(RUN, "check", "", None, ""), ExitCode.INCOMPLETE),
    ],
    ids=["nothing to do", "conflict", "put back", "refused", "stopped"],
)
def test_its_exit_code(shown: View, code: ExitCode) -> None:
    assert records.exit_code(shown) is code


def test_afterwards_it_says_what_was_put_back() -> None:
    outcomes = (HostOutcome("w1", "ok", "", (Transaction("kubelet", "committed"),)),)
    assert "w1: kubelet: put back as it was" in text(view(BACK, outcomes=outcomes))


@pytest.mark.parametrize(
    ("configuration", "told", "question"),
    [
        (
            Configuration("back", goes=("--profiling of kube-apiserver",), left=("--v of etcd",)),
            (
                "kubeadm-config: put back\n  put back     --profiling of kube-apiserver\n"
                "  stays        --v of etcd: changed since that run; --force overwrites it\n"
            ),
            True,
        ),
        (
            Configuration("later", "no answer", goes=("--v of etcd",)),
            "put back once the API server answers",
            True,
        ),
        (Configuration("stays", "it speaks for cp2 as well"), "kubeadm-config: it speaks for cp2", False),
        (Configuration("as_before"), "kubeadm-config: as before", False),
    ],
)
def test_it_says_what_becomes_of_kubeadm_config(
    configuration: Configuration, told: str, question: bool
) -> None:
    found = Restorations("20200101T000000Z-000000", False, (), configuration)
    shown = View(RUN, "rollback", "", None, "", restorations=found)
    assert told in text(shown)
    assert found.changes is question


def test_json_holds_the_preview() -> None:
    document = json.loads(REPORTERS["json"].render(view(BACK), Options()))
    assert document["rollback"]["hosts"][0]["roles"]["kubelet"][0]["status"] == "restore"


def test_a_run_that_found_nothing_out_says_so() -> None:
    assert "stopped before it found anything out" in text(View(RUN, "check", "", None, "x"))
