# SPDX-License-Identifier: Apache-2.0
"""An interrupted apply leaves a trace: a run that verify finds, and words that name the ways on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cksharden import apply, records, rollback
from cksharden.cli.main import run
from cksharden.cli.orders import traced
from cksharden.errors import IncompleteError, InventoryError, UsageError
from cksharden.order import Order
from cksharden.outcomes import carry_out
from cksharden.rollback import Rollback
from cksharden.rundir import RunDir
from cksharden.runner import Connection, PlaybookResult
from cksharden.transactions import Restorations
from tests.unit.cli.conftest import Facts
from tests.unit.report.samples import RUN, plan

OTHER = "20261122T132000Z-1a2b3c"


def _begun(runs: Path, command: str) -> RunDir:
    return records.begin(Order(command, runs, Connection()), "cks")


def test_a_run_is_marked_as_one_that_changes_nodes_however_it_is_stopped(runs: Path) -> None:
    begun = _begun(runs, "apply")

    def stopped() -> PlaybookResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(begun, {"w1": ("kubelet",)}, runs, Connection(), stopped)
    assert records.newest(runs, "apply") == begun
    assert records.view(begun, "").interrupted


def test_a_run_for_which_ansible_asked_no_host_changed_none(runs: Path) -> None:
    begun = _begun(runs, "apply")
    with pytest.raises(InventoryError):
        apply.apply(plan("w1"), begun, inventory=runs / "none", connection=Connection(), max_unavailable=1)
    back = Rollback(OTHER, begun, runs / "none", Connection(), None, force=False)
    with pytest.raises(InventoryError):
        rollback.take_back(back, Restorations(OTHER, force=False, hosts=()), 1)
    with pytest.raises(IncompleteError, match="no such playbook"):
        carry_out(begun, {}, runs, Connection(), lambda: PlaybookResult(1, {}, False, "no such playbook"))
    assert not records.view(begun, "").interrupted
    with pytest.raises(UsageError, match="no apply was run yet"):
        records.newest(runs, "apply")


@pytest.mark.parametrize("of", [RUN, OTHER], ids=["apply", "rollback"])
def test_an_interrupt_names_the_run_and_the_ways_on(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    order = Order("apply", Path("runs"), Connection(), Path("my hosts.yml"), limit="w1")
    with pytest.raises(KeyboardInterrupt), traced(order, RUN, of):
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert f"run {RUN} was interrupted" in said
    assert "`cksharden check 'my hosts.yml' --limit w1`" in said
    assert f"`cksharden rollback 'my hosts.yml' --limit w1 --run {of}`" in said


def test_a_check_is_incomplete_while_a_transaction_is_open_and_its_report_says_so_again(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {"run": OTHER, "role": "kubelet", "last_step": "swapping", "closed": False, "outcome": None}
    open_one = {"schema": "1.0", "status": "ok", "reason": "", "data": {"runs": [kept]}}
    recorded = facts(config_mode="0600", transactions=open_one)
    for verb in ("check", "plan"):
        assert run([verb, "--facts", str(recorded), "--control", "kubelet_config_mode"]) == 3
        said = capsys.readouterr().out
        assert f"w1: run {OTHER}, role kubelet, step swapping: a transaction is still open" in said
        assert run(["report", max(runs.iterdir(), key=lambda one: one.stat().st_mtime).name]) == 3
        assert capsys.readouterr().out == said


def test_what_can_not_be_told_about_transactions_is_incomplete(
    facts: Facts, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"schema": "1.0", "status": "error", "reason": "took too long"}
    recorded = facts(config_mode="0600", transactions=failed)
    assert run(["check", "--facts", str(recorded), "--control", "kubelet_config_mode"]) == 3
    assert "w1: whether a transaction is still open can't be told: transactions: took too long" in (
        capsys.readouterr().out
    )
