# SPDX-License-Identifier: Apache-2.0
"""Write the pages that follow from controls and roles: `nox -s docs`. With --check, say which are stale.

docs/catalogue.md and docs/profiles.md are written whole; of roles/*/README.md what stands below the marker.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from cksharden.catalog import CONTROLS, PROFILES, Catalogued, load_controls
from cksharden.kinds import KINDS

ROOT = Path(__file__).resolve().parent.parent
MARKER = "<!-- Everything below is written by `nox -s docs`. -->"
CHANGES = {
    "enabled": "changes it",
    "opt_in": "changes it where `--control` names it",
    "report_only": "never changes it",
}


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of a benchmark: how many items it has, numbered from 1."""

    title: str
    items: int


class Benchmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What docs/coverage.yml says of a benchmark."""

    title: str
    sections: dict[str, Section]
    not_covered: dict[str, str]
    """Item -> why no control asks for it."""
    remarks: dict[str, str]


class CoverageError(ValueError):
    """An item of a benchmark that nothing answers for, or two things that contradict each other."""


def catalogue_page(controls: Sequence[Catalogued], benchmarks: dict[str, Benchmark]) -> str:
    """Return docs/catalogue.md. Raises CoverageError."""
    lines = [
        MARKER,
        "# The controls",
        "",
        f"{len(controls)} controls, each a file below `cksharden/controls/`.",
        "[How to write one](writing-a-control.md); [which profile asks for which](profiles.md).",
    ]
    for key, benchmark in benchmarks.items():
        lines += ["", f"## {benchmark.title}", "", *_coverage(key, benchmark, controls)]
    component = ""
    for one in controls:
        if one.path.parent.name != component:
            component = one.path.parent.name
            lines += ["", f"## {component}"]
        lines += ["", *_entry(one)]
    return "\n".join(lines) + "\n"


def profiles_page(controls: Sequence[Catalogued], profiles: Path) -> str:
    """Return docs/profiles.md: the built-in profiles, and what each asks for."""
    lines = [MARKER, "# The profiles", ""]
    for path in sorted(profiles.glob("*.yml")):
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        mine = [one.control for one in controls if said["id"] in one.control.profiles]
        lines += [f"## {said['id']}", "", f"{said['title']}. {len(mine)} controls.", ""]
        lines += _table(
            ("control", "severity", "reference", "apply"),
            [
                (
                    _link(one.id, "catalogue.md"),
                    one.severity.value,
                    one.refs.get(said["id"], ", ".join(one.refs.values())),
                    CHANGES[one.default],
                )
                for one in mine
            ],
        )
        lines += [""]
    return "\n".join(lines)


def role_readme(by_hand: str, spec: dict[str, Any], role: str, controls: Sequence[Catalogued]) -> str:
    """Return the README of a role: what people wrote, then its variables and the controls that use it."""
    main = spec["argument_specs"]["main"]
    lines = [by_hand.partition(MARKER)[0].rstrip(), "", MARKER, "", "## Variables", ""]
    lines += _table(
        ("variable", "type", "default", "what it is"),
        [_variable(f"`{name}`", option) for name, option in main["options"].items()],
    )
    for name, option in main["options"].items():
        if "options" in option:
            lines += ["", f"An item of `{name}`:", ""]
            lines += _table(
                ("key", "type", "default", "what it is"),
                [_variable(f"`{key}`", inner) for key, inner in option["options"].items()],
            )
    mine = [one.control for one in controls if KINDS[one.control.kind].role == role]
    lines += ["", "## Controls", "", "`cksharden apply` calls this role where one of these fails:", ""]
    lines += [f"- `{one.id}`: {one.title}" for one in mine if one.default != "report_only"]
    return "\n".join(lines) + "\n"


def pages(root: Path) -> dict[Path, str]:
    """Return every generated page of the checkout at `root`. Raises CoverageError."""
    controls = load_controls(CONTROLS)
    coverage = yaml.safe_load((root / "docs/coverage.yml").read_text(encoding="utf-8"))
    found = {
        root / "docs/catalogue.md": catalogue_page(controls, msgspec.convert(coverage, dict[str, Benchmark])),
        root / "docs/profiles.md": profiles_page(controls, PROFILES),
    }
    for meta in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        readme = meta.parent.parent / "README.md"
        spec = yaml.safe_load(meta.read_text(encoding="utf-8"))
        found[readme] = role_readme(
            readme.read_text(encoding="utf-8"), spec, meta.parent.parent.name, controls
        )
    return found


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check name those that would change; return the exit code."""
    stale = {
        path: text
        for path, text in pages(ROOT).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        if "--check" in arguments:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `nox -s docs`\n")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


def _coverage(key: str, benchmark: Benchmark, controls: Sequence[Catalogued]) -> list[str]:
    items = {
        f"{name}.{number}": section
        for name, section in benchmark.sections.items()
        for number in range(1, section.items + 1)
    }
    strange = (benchmark.not_covered.keys() | benchmark.remarks.keys()) - items.keys()
    if strange:
        raise CoverageError(f"{key} has no {', '.join(sorted(strange))}: correct coverage.yml")
    rows = []
    for item, said in items.items():
        mine = [one.control for one in controls if one.control.refs.get(key) == item]
        reason = benchmark.not_covered.get(item)
        if bool(mine) is (reason is not None):
            raise CoverageError(
                f"{key} {item} needs a control that refers to it, or a reason in coverage.yml"
            )
        names = [f"{_link(one.id)} ({one.default.replace('_', ' ')})" for one in mine]
        rows.append((item, said.title, ", ".join(names) or "none", reason or benchmark.remarks.get(item, "")))
    return _table(("item", "section", "control", "remark"), rows)


def _entry(one: Catalogued) -> list[str]:
    control = one.control
    where = " and ".join(scope.replace("_", " ") + "s" for scope in control.applies_to)
    versions = [
        f"{word} Kubernetes {minor}"
        for word, minor in (("since", control.since), ("up to", control.until))
        if minor
    ]
    facts = {
        "expects": f"{one.spec.expected} ({one.spec.name})",
        "asked of": ", ".join([where, *versions]),
        "why": control.why,
        "breaks": control.breaks,
        "apply": f"{CHANGES[control.default]}; disruption: {control.disruption.replace('_', ' ')}",
        "needs": ", ".join(map(_link, control.needs)),
        "refs": ", ".join(f"{name} {value}" for name, value in sorted(control.refs.items())),
    }
    head = f"**{control.title}** ({control.severity.value}, `{control.kind}`)"
    said = [f"- {name}: {value.strip()}" for name, value in facts.items() if value]
    return [f"### {control.id}", "", head, "", *said]


def _variable(name: str, option: dict[str, Any]) -> tuple[str, ...]:
    said = option.get("description", "")
    kind = f"list of {option['elements']}" if "elements" in option else option.get("type", "str")
    default = (
        "required" if option.get("required") else f"`{option['default']!r}`" if "default" in option else ""
    )
    return name, kind, default, " ".join(said) if isinstance(said, list) else said


def _link(control: str, page: str = "") -> str:
    return f"[{control}]({page}#{control})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |"
        for line in lines
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
