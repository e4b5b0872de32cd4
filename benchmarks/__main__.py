# SPDX-License-Identifier: Apache-2.0
"""Measure on a running lab: `nox -s lab -- up`, then `nox -s bench [-- --rounds 5 --hosts 1 10]`.

Contenders take turns, every one cold, and the medians of their times are compared: only ratios carry
over to another machine. The goals are for many hosts; a few show where we are.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.contenders import Bench
from benchmarks.targets import close_masters, made
from cksharden.catalog import load_controls
from cksharden.policy_files import select

Contenders = dict[str, Callable[[], None]]
# measure -> (contender, compared with, goal)
MEASURES = {
    "audit / bare parallel ssh with the same collector": ("audit", "floor", "1.6 at 100 hosts"),
    "audit / plain ansible-playbook with the same play": ("audit", "plain", "1.15 at 100 hosts"),
    "200 requested files / 20": ("many", "few", "1.05"),
    "cksharden --help / ansible --version": ("help", "version", "0.4"),
}


def main() -> int:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="nox -s bench --")
    parser.add_argument("--rounds", type=int, default=5, help="times that each contender runs (5)")
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10], help="numbers of hosts (1 10)")
    options = parser.parse_args()
    columns = []
    with tempfile.TemporaryDirectory(prefix="ckb-") as name:
        for count in options.hosts:
            directory = Path(name) / str(count)
            (directory / "home").mkdir(parents=True)
            with made(count, directory) as targets:
                columns.append(_measure(Bench(directory, targets, _request()), options.rounds))
    print(_table(options.hosts, columns, options.rounds))
    return 0


def _request() -> dict[str, Any]:
    """Return what the default profile asks of a node."""
    return select(load_controls()).request()


def _measure(bench: Bench, rounds: int) -> dict[str, float]:
    """Return the median of the seconds of each contender."""
    contenders: Contenders = {
        "floor": bench.floor,
        "audit": bench.audit,
        "plain": bench.plain,
        "few": lambda: bench.plain(20),
        "many": lambda: bench.plain(200),
        "help": bench.help,
        "version": bench.version,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        names = list(contenders)
        for name in (
            names[number % len(names) :] + names[: number % len(names)]
        ):  # nobody is always after the same
            run = contenders[name]
            close_masters(bench.home)
            started = time.perf_counter()
            run()
            if number > 0:  # the first round fills caches
                seconds[name].append(time.perf_counter() - started)
        print(f"round {number} of {rounds}, {len(bench.targets.targets)} hosts", file=sys.stderr)
    close_masters(bench.home)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _table(hosts: list[int], columns: list[dict[str, float]], rounds: int) -> str:
    """Return the ratios beside their goals as Markdown."""
    heads = [f"{count} host{'s' if count > 1 else ''}" for count in hosts]
    lines = ["| measure | goal, at most | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(hosts)]
    for measure, (contender, other, goal) in MEASURES.items():
        ratios = [f"{column[contender] / column[other]:.2f}" for column in columns]
        lines.append(f"| {measure} | {goal} | {' | '.join(ratios)} |")
    for name in ("floor", "plain", "audit"):
        medians = " | ".join(f"{column[name]:.2f}" for column in columns)
        lines += [f"| median of {rounds}, {name}, s | | {medians} |"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
