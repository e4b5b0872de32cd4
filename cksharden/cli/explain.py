# SPDX-License-Identifier: Apache-2.0
"""`cksharden explain`."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cksharden.cli import completion
from cksharden.cli.options import Format, FormatOption
from cksharden.cli.output import write
from cksharden.errors import ExitCode

if TYPE_CHECKING:
    from cksharden.catalog import Catalogued
    from cksharden.kinds.interface import Kind

_DEFAULTS = {
    "enabled": "changes it where it fails",
    "opt_in": "changes it only where --control names it",
}

EXAMPLES = ("cksharden explain kubelet_tls_min_version",)


def explain(
    control: Annotated[
        str,
        typer.Argument(
            metavar="CONTROL",
            help="The id of a control, as `cksharden controls` lists it.",
            autocompletion=completion.control_ids,
        ),
    ],
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Say also what this profile expects, of which group of the inventory.",
            autocompletion=completion.profiles,
        ),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002  the option's name
) -> int:
    """Say what a control asks for, why, and what it may break.

    And how it is judged and changed, its sources, and how to waive it.
    """
    from cksharden.catalog import find, load_controls
    from cksharden.policy_files import select

    catalogue = load_controls()
    facts = _facts(find(catalogue, control))
    if profile is not None:
        chosen = select(catalogue, profile)
        variants = chosen.variants(control)
        facts["profile"] = {
            "id": chosen.profile,
            "expects": {group: one.spec.expected if one else None for group, one in variants.items()},
        }
    if format is Format.JSON:
        write(json.dumps(facts, indent=2) + "\n")
    else:
        write(_text(facts))
    return ExitCode.COMPLIANT


def _facts(one: Catalogued) -> dict[str, Any]:
    import msgspec

    from cksharden.kinds import KINDS
    from cksharden.kinds.control_plane_file import ControlPlaneFileKind

    control = one.control
    return {
        "id": control.id,
        "title": control.title,
        "severity": control.severity.value,
        "expects": one.spec.expected,
        "why": control.why.strip(),
        "breaks": control.breaks.strip(),
        "applies_to": list(control.applies_to),
        "since": control.since,
        "until": control.until,
        "needs": list(control.needs),
        "disruption": control.disruption,
        "default": control.default,
        "profiles": list(control.profiles),
        "refs": control.refs,
        "kind": control.kind,
        "with": msgspec.to_builtins(control.with_),
        "judged": _first_sentence(KINDS[control.kind]),
        "placed_before_join": isinstance(KINDS[control.kind], ControlPlaneFileKind),
        "role": KINDS[control.kind].role,
        "examples": msgspec.to_builtins(control.examples),
        "file": str(one.path),
    }


def _first_sentence(kind: Kind) -> str:
    """Return how a kind judges, in the words with which its module begins."""
    return str(sys.modules[type(kind).__module__].__doc__).partition("\n")[0]


def _asked(profile: dict[str, Any]) -> str:
    expects = dict(profile["expects"])
    others = "other hosts" if len(expects) > 1 else "all hosts"
    expects[others] = expects.pop("")
    return f"{profile['id']}: " + "; ".join(f"{who}: {what or 'not asked'}" for who, what in expects.items())


def _applied(facts: dict[str, Any]) -> str:
    if facts["default"] == "report_only":
        return "never changes it: it is report only, and yours to change"
    disruption = facts["disruption"].replace("_", " ")
    return f"{_DEFAULTS[facts['default']]}, by the role {facts['role']}; disruption: {disruption}"


def _joins(facts: dict[str, Any]) -> str:
    if not facts["placed_before_join"]:
        return ""
    return "a control plane that joins later needs the file before it does: cksharden prepare"


def _text(facts: dict[str, Any]) -> str:
    versions = " to ".join(filter(None, (facts["since"] or "any version", facts["until"])))
    rows = {
        "expects": facts["expects"],
        "profile": _asked(facts["profile"]) if "profile" in facts else "",
        "asked of": ", ".join(facts["applies_to"]).replace("_", " ") + f", Kubernetes {versions}",
        "why": facts["why"],
        "breaks": facts["breaks"],
        "judged": facts["judged"],
        "apply": _applied(facts),
        "joins": _joins(facts),
        "needs": ", ".join(facts["needs"]),
        "profiles": ", ".join(facts["profiles"]),
        "refs": ", ".join(f"{key} {value}" for key, value in facts["refs"].items()),
        "kind": f"{facts['kind']} {json.dumps(facts['with'])}; a profile's parameters may differ",
        "file": facts["file"],
        "waive": "in waivers.yml beside the inventory: "
        f'{{control: {facts["id"]}, hosts: "w*", owner: …, reason: …, expires: 2027-01-31}}',
    } | {
        status.replace("not_applicable", "n/a"): json.dumps(given[0])
        for status, given in facts["examples"].items()
        if given
    }
    lines = [f"{facts['id']} ({facts['severity']}): {facts['title']}", ""]
    for name, value in rows.items():
        if value:
            lines += textwrap.wrap(
                value,
                80,
                initial_indent=f"{name:<10}",
                subsequent_indent=" " * 10,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"
