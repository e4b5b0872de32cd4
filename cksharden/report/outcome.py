# SPDX-License-Identifier: Apache-2.0
"""What an apply or a rollback did, as text: what is proved, and what to do about what is not."""

from __future__ import annotations

from msgspec.structs import replace

from cksharden.model import Outcome, Verification
from cksharden.report.interface import View
from cksharden.report.sheet import Sheet, Style
from cksharden.transactions import HostOutcome, OpenTransaction, Transaction

_WORDS = {
    "committed": ("changed", Style.GOOD),
    "nothing": ("nothing to change", Style.QUIET),
    "restored": ("put back as it was before", Style.BAD),
    "refused": ("refused, nothing changed", Style.BAD),
    "abandoned": ("given up, nothing changed", Style.BAD),
    "open": ("its end was not seen", Style.UNSURE),
    "not_begun": ("not begun", Style.UNSURE),
    "incomplete": ("not completed", Style.BAD),
}
_NEXT = {
    "restored": "correct what the reason names, then run `cksharden plan` and `cksharden apply` again",
    "refused": "correct what the reason names, then run `cksharden plan`: it starts from what is there now",
    "abandoned": "run `cksharden apply` again",
    "incomplete": "correct what the reason names and do the same again: what is done is kept",
    "open": "the node finishes or restores it by itself; `cksharden check` tells when and how it ended",
}


def open_words(one: OpenTransaction) -> str:
    """Say what is open on a host; a line that also stands alone."""
    if one.reason:
        return f"whether a transaction is still open can't be told: {one.reason}"
    step = f"step {one.step}" if one.step else "before its first step"
    return (
        f"run {one.run}, role {one.role}, {step}: a transaction is still open: files may be half changed; "
        "its agent finishes by itself"
    )


def open_lines(sheet: Sheet, view: View) -> None:
    """Add what has not ended: transactions on nodes, and the run itself."""
    if view.interrupted:
        told = "what became of them is not in this run; `cksharden check` tells"
        sheet.line((f"This {view.command} began to change nodes and was interrupted: {told}", Style.BAD))
    if view.open_transactions:
        sheet.heading("Still open")
    for one in view.open_transactions:
        sheet.line((one.host, Style.BAD), f": {open_words(one)}")
    sheet.gap()


def outcome_lines(sheet: Sheet, view: View) -> None:
    """Add what became of every host; hosts with the same answers are told together."""
    sheet.heading("Done" if all(one.complete for one in view.outcomes) else "Not completed")
    alike: dict[tuple[Transaction, ...], list[HostOutcome]] = {}
    for outcome in view.outcomes:
        timeless = tuple(replace(one, seconds=0, watched=0) for one in outcome.transactions)
        alike.setdefault(timeless, []).append(outcome)
    for transactions, hosts in alike.items():
        for number, one in enumerate(transactions):
            longest = max((host.transactions[number] for host in hosts), key=lambda timed: timed.seconds)
            timed = replace(one, seconds=longest.seconds, watched=longest.watched)
            names = ", ".join(host.host for host in hosts)
            _transaction_lines(sheet, names, timed, rollback=view.command == "rollback")
    for outcome in view.outcomes:
        _end_line(sheet, outcome)


def proof_lines(sheet: Sheet, proof: Verification) -> None:
    """Add what a second collection proves of a plan."""
    sheet.heading("Proof")
    unknown = f", unknown {len(proof.unknown)}" if proof.unknown else ""
    sheet.line(f"proved {len(proof.proved)}, missed {len(proof.missed)}, worse {len(proof.worse)}{unknown}")
    _outcome_words(sheet, "missed", proof.missed)
    _outcome_words(sheet, "worse", proof.worse)
    alike: dict[tuple[str, str], list[str]] = {}
    for one in proof.unknown:
        alike.setdefault((one.host, one.reason), []).append(one.control)
    for (host, reason), controls in alike.items():
        what = controls[0] if len(controls) == 1 else f"{len(controls)} controls"
        sheet.line("  ", ("unknown", Style.UNSURE), f"  {host}  {what}: {reason}")


def _end_line(sheet: Sheet, outcome: HostOutcome) -> None:
    if outcome.status == "unreachable":
        sheet.line(
            (outcome.host, Style.BAD), f": unreachable, and nothing more was begun there: {outcome.message}"
        )
    elif outcome.status == "failed" and all(one.complete for one in outcome.transactions):
        sheet.line((outcome.host, Style.BAD), f": {outcome.message}")


def _transaction_lines(sheet: Sheet, hosts: str, transaction: Transaction, *, rollback: bool) -> None:
    words, style = _WORDS[transaction.outcome]
    if rollback and transaction.outcome == "committed":
        words = "put back as it was"
    reason = f": {transaction.reason}" if transaction.reason else ""
    sheet.line((hosts, style), f": {transaction.role}: {words}{_time(transaction)}{reason}")
    if transaction.kubelet_error:
        sheet.line("    ", "the kubelet says: ", transaction.kubelet_error)
    if transaction.outcome == "restored" and not transaction.proved:
        sheet.line("    ", "the old files are back, but the node did not prove healthy: see docs/safety.md")
    if transaction.outcome in _NEXT:
        sheet.line("    ", f"next: {_NEXT[transaction.outcome]}")


def _time(transaction: Transaction) -> str:
    """Say how long the slowest of the hosts was at it; what takes no watching is no news."""
    if not transaction.watched:
        return ""
    return f" (working {transaction.seconds - transaction.watched} s, watching {transaction.watched} s)"


def _outcome_words(sheet: Sheet, word: str, outcomes: tuple[Outcome, ...]) -> None:
    for one in outcomes:
        sheet.line(
            "  ",
            (word, Style.BAD),
            f"  {one.host}  {one.control}: was {one.before}, is {one.after}: {one.reason}",
        )
