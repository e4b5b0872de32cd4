# SPDX-License-Identifier: Apache-2.0
"""What was measured, beside the goals, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

Seconds = dict[int, float]
"""Round -> wall seconds of one contender."""


@dataclass
class Column:
    """All that was measured with one number of hosts."""

    hosts: int
    seconds: dict[str, Seconds] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    """Contender -> bytes at the peak of its tree of processes."""


@dataclass(frozen=True)
class Measure:
    """Two contenders compared round by round, and the goal by number of hosts (0: any)."""

    title: str
    contender: str
    other: str
    goals: Mapping[int, float]
    at_least: bool = False
    difference: bool = False

    def of(self, column: Column) -> list[float]:
        """Return the comparisons of a column, one for each round in which both ran."""
        mine, others = column.seconds.get(self.contender, {}), column.seconds.get(self.other, {})
        pairs = [(mine[number], others[number]) for number in mine if number in others]
        return [one - other if self.difference else one / other for one, other in pairs]

    def missed(self, column: Column) -> bool:
        """Say whether the median misses the goal for this number of hosts."""
        goal = self.goals.get(column.hosts, self.goals.get(0))
        found = self.of(column)
        if goal is None or not found:
            return False
        return median(found) < goal if self.at_least else median(found) > goal

    @property
    def goal(self) -> str:
        """The goals in words."""
        bound = "at least" if self.at_least else "at most"
        unit = " s" if self.difference else ""
        each = [f"{bound} {goal}{unit}" + _at(hosts) for hosts, goal in self.goals.items()]
        return ", ".join(each)


MEASURES = (
    Measure("audit / bare parallel ssh with the same collector", "audit", "floor", {100: 1.4}),
    Measure("equivalent stock playbook / audit", "stock", "audit", {1: 20, 10: 60}, at_least=True),
    Measure("the same, of 200 controls", "stock_many", "audit_many", {1: 20}, at_least=True),
    Measure("audit with 200 controls / with 20", "audit_many", "audit_few", {0: 1.05}),
    Measure("apply with nothing to change / audit", "apply", "audit", {0: 1.2}),
    Measure("audit of a cold node, beyond a bare ssh call", "audit", "bare", {1: 1.5}, difference=True),
    Measure("audit / plain ansible-playbook with the same play", "audit", "plain", {100: 1.15}),
    Measure("`cksharden --help` / `ansible --version`", "help", "version", {0: 0.4}),
)
TITLES = {
    "bare": "ssh, `true`",
    "floor": "ssh, the collector",
    "plain": "ansible-playbook, the collector",
    "audit": "`cksharden check`",
    "apply": "`cksharden apply`, nothing to change",
    "audit_few": "`cksharden check`, 20 controls",
    "audit_many": "`cksharden check`, 200 controls",
    "stock": "ansible-playbook, stock modules",
    "stock_many": "ansible-playbook, stock modules, 200 controls",
}
DOUBLING, DOUBLED = (100, 200), 2.05


def tables(columns: list[Column]) -> str:
    """Return the ratios beside their goals, then seconds and memory."""
    heads = [f"{column.hosts} host{'s' if column.hosts > 1 else ''}" for column in columns]
    ratios = [_row(["measure", "goal", *heads]), "|---|---|" + "---|" * len(heads)]
    for measure in MEASURES:
        cells = [_spread(measure.of(one), missed=measure.missed(one)) for one in columns]
        ratios.append(_row([measure.title, measure.goal, *cells]))
    ratios += _doubling(columns)
    walls = [_row(["wall seconds, memory", *heads]), "|---|" + "---|" * len(heads)]
    walls += [_row([title, *(_cost(one, name) for one in columns)]) for name, title in TITLES.items()]
    return "\n".join([*ratios, "", *walls])


def _doubling(columns: list[Column]) -> list[str]:
    audits = {column.hosts: median(column.seconds["audit"].values()) for column in columns}
    if not set(DOUBLING) <= audits.keys():
        return []
    ratio = audits[DOUBLING[1]] / audits[DOUBLING[0]]
    said = f"{ratio:.2f}" + (", **missed**" if ratio > DOUBLED else "")
    cells = [said if column.hosts == DOUBLING[1] else "" for column in columns]
    return [_row(["audit of 200 hosts / of 100", f"at most {DOUBLED}", *cells])]


def _spread(found: list[float], *, missed: bool) -> str:
    if not found:
        return ""
    digits = _digits(median(found))
    text = f"{digits(median(found))} ({digits(min(found))}, {digits(max(found))})"
    return f"{text}, **missed**" if missed else text


def _cost(column: Column, name: str) -> str:
    if name not in column.seconds:
        return ""
    memory = f", {column.memory[name] / 2**20:.0f} MiB" if name in column.memory else ""
    return _spread(list(column.seconds[name].values()), missed=False) + memory


def _digits(size: float) -> Callable[[float], str]:
    return lambda number: f"{number:.0f}" if size >= 20 else f"{number:.2f}"


def _at(hosts: int) -> str:
    return {0: "", 1: " at 1 host"}.get(hosts, f" at {hosts}")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
