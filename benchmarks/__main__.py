# SPDX-License-Identifier: Apache-2.0
"""Measure on a running lab: `nox -s lab -- up`, then `nox -s bench -- --record`.

Contenders take turns, every one cold and in another order each round, and are compared round by round:
only ratios carry over to another machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from lab import testing
from lab.commit import commit

from benchmarks.contenders import FORKS, PROFILE, Bench
from benchmarks.memory import Peak
from benchmarks.results import Column, tables
from benchmarks.targets import made

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/benchmarks.md"
MARK = "<!-- What follows is written by `nox -s bench -- --record`. -->\n"
INVENTORIES = {"single": "inventories/lab", "ha": "inventories/lab-ha"}
# Many hosts take long and differ little. Of stock modules one run takes longer than all the others.
ROUNDS, ROUNDS_OF_MANY, MANY_HOSTS = 5, 3, 50
ROUNDS_OF_STOCK = {"stock": 2, "stock_many": 1}


def main() -> int:
    """Measure, print the tables, and record them if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, prog="nox -s bench --")
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 100], help="(1 10 100)")
    parser.add_argument("--rounds", type=int, help=f"({ROUNDS}; {ROUNDS_OF_MANY} from {MANY_HOSTS} hosts on)")
    parser.add_argument("--record", action="store_true", help=f"write the tables to {PAGE.name}, too")
    options = parser.parse_args()
    measured = commit(PAGE)  # of now: it may move while this runs
    _converge()
    columns = []
    with tempfile.TemporaryDirectory(prefix="ckb-") as name:
        for count in options.hosts:
            directory = Path(name) / str(count)
            directory.mkdir()
            with made(count, directory) as targets:
                columns.append(_measure(Bench(directory, targets), count, options.rounds))
            text = f"{_machine(measured)}\n\n{tables(columns)}\n"
            if options.record:  # what there is so far: many hosts take long
                prose = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
                PAGE.write_text(f"{prose}{MARK}\n{text}", encoding="utf-8")
    print(text)
    return 0


def _converge() -> None:
    """Make an apply on the lab's nodes one with nothing to change."""
    inventory = INVENTORIES[testing.lab().topology]
    with tempfile.TemporaryDirectory(prefix="ckb-") as runs:
        words = ["apply", inventory, "--profile", PROFILE, "--yes", "--quiet", "--runs-dir", runs]
        subprocess.run(
            [sys.executable, "-m", "cksharden", *words], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
        )  # what it could not change shows when the apply that is measured finds it


def _measure(bench: Bench, hosts: int, rounds: int | None) -> Column:
    """Let the contenders take turns; the first turn fills caches and is for the memory alone."""
    contenders: dict[str, Callable[[], None]] = {
        "floor": bench.floor,
        "audit": bench.audit,
        "plain": bench.plain,
    }
    if hosts < MANY_HOSTS:
        few = ("bare", "apply", "audit_few", "audit_many", "help", "version", "stock")
        contenders |= {name: getattr(bench, name) for name in few}
    if hosts == 1:
        contenders["stock_many"] = bench.stock_many
    column = Column(hosts, {name: {} for name in contenders})
    wanted = rounds or (ROUNDS if hosts < MANY_HOSTS else ROUNDS_OF_MANY)
    for number in range(wanted + 1):
        names = [name for name in contenders if number <= ROUNDS_OF_STOCK.get(name, wanted)]
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            bench.targets.close()
            if number == 0:
                with Peak() as peak:
                    contenders[name]()
                column.memory[name] = peak.bytes
            else:
                started = time.perf_counter()
                contenders[name]()
                column.seconds[name][number] = time.perf_counter() - started
        print(f"round {number} of {wanted}, {hosts} hosts", file=sys.stderr)
    bench.targets.close()
    return column


def _machine(measured: str) -> str:
    """Say what was measured, on what, and with what."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.partition(",")[0]
    ansible = f"ansible-core {version('ansible-core')}, ansible-runner {version('ansible-runner')}"
    return (
        f"Commit {measured}, measured on {datetime.now(UTC).date()} on a machine of {cores} cores and\n"
        f"{memory:.0f} GiB that also ran the nodes, with Python {platform.python_version()}, {ansible}\n"
        f"and {ssh}, {FORKS} hosts at once. Cells show the median of the rounds (least, most)."
    )


if __name__ == "__main__":
    sys.exit(main())
