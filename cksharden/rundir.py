# SPDX-License-Identifier: Apache-2.0
"""The directory of a run, `runs/<RUN>/`: what each stage wrote, for the eyes of its owner only."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.facts import (
    FORMAT,
    INVENTORY_FORMAT,
    LARGEST,
    MAJOR,
)
from cksharden.errors import FactsError, UsageError

DEFAULT_RUNS = Path("runs")
BESIDE = "beside"
"""Below a directory of facts: those of control planes that are not judged."""
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_MEND = "collect again, or take this file away"


class _Inventory(msgspec.Struct):
    format: str
    schema: str
    groups: dict[str, list[str]]


@dataclass(frozen=True)
class RunDir:
    """One run; its files are named here and nowhere else."""

    path: Path

    @property
    def run(self) -> str:
        """Return the id of the run."""
        return self.path.name

    @property
    def facts(self) -> Path:
        """Return the directory of the facts that were collected first."""
        return self.path / "facts"

    @property
    def facts_after(self) -> Path:
        """Return the directory of the facts that were collected after the changes."""
        return self.path / "facts_after"

    @property
    def apply(self) -> Path:
        """Return the directory of what the transactions answered; it is there once nodes may have changed."""
        return self.path / "apply"

    def file(self, stage: str) -> Path:
        """Return the file of a stage, as "plan" or "findings_after"."""
        return self.path / f"{stage}.json"

    def write(self, stage: str, value: object) -> Path:
        """Write what a stage made, whole or not at all; return its file. Raises OSError."""
        path = self.file(stage)
        write_file(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        return path

    def make(self, directory: Path) -> Path:
        """Create one of the directories above and return it."""
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and that no other run has: 20261123T132000Z-1a2b3c."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def check_run_id(run: str, key: str = "--run", *, or_else: str = "") -> None:
    """Refuse what can't be the id of a run.

    Args:
        run: what was given.
        key: where it was given.
        or_else: what may be given in its place, for the message.

    Raises:
        UsageError: it is not one.
    """
    if not _RUN.fullmatch(run):
        mend = f"it looks like 20261123T132000Z-1a2b3c{or_else}"
        raise UsageError(f"{run!r} is no id of a run", key=key, mend=mend)


def create_run(runs: Path, now: datetime) -> RunDir:
    """Create the directory of a new run, mode 0700.

    Raises:
        UsageError: it can't be created there.
    """
    path = runs / new_run_id(now)
    try:
        path.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UsageError(
            f"no run can be kept there: {error.strerror}", file=runs, mend="choose --runs-dir"
        ) from error
    return RunDir(path)


def open_run(runs: Path, run: str) -> RunDir:
    """Return the directory of an earlier run.

    Raises:
        UsageError: there is no such run.
    """
    check_run_id(run)
    if not (runs / run).is_dir():
        listed = ", ".join(kept.run for kept in kept_runs(runs)[:5])
        raise UsageError(f"there is no run {run}", file=runs, mend=f"its newest runs: {listed or 'none'}")
    return RunDir(runs / run)


def kept_runs(runs: Path) -> list[RunDir]:
    """Return the runs of a directory, the newest first; none where there is no such directory."""
    found = [path for path in runs.glob("*") if _RUN.fullmatch(path.name) and (path / "run.json").is_file()]
    return [RunDir(path) for path in sorted(found, reverse=True)]


def write_file(path: Path, content: bytes) -> None:
    """Write a file for its owner only, whole or not at all. Raises OSError."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(unfinished).replace(path)
    except OSError:
        Path(unfinished).unlink()
        raise


def read_facts(path: Path) -> dict[str, Any]:
    """Return a facts file as data: `format`, `schema`, `host`, `groups` and `sections`.

    Its sections are not looked into; a stage that needs one judges it.

    Raises:
        FactsError: it can't be read, or is no facts file of ours, or of a newer major.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise FactsError(f"larger than {LARGEST} bytes, so no facts file", file=path, mend=_MEND)
        facts = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise FactsError(f"can't be read: {error.strerror}", file=path, mend=_MEND) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FactsError(f"no facts file: {error}", file=path, mend=_MEND) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise FactsError(f"no facts file: its format is not {FORMAT}", file=path, mend=_MEND)
    if str(facts.get("schema", "")).partition(".")[0] != MAJOR:
        message = f"facts of schema {facts.get('schema')!r}, and this version reads {MAJOR}.x"
        raise FactsError(
            message, file=path, key="schema", mend="use the version of cksharden that wrote them"
        )
    host, sections = facts.get("host"), facts.get("sections")
    if not isinstance(host, str) or not host:
        raise FactsError("names no host", file=path, key="host", mend=_MEND)
    if not isinstance(sections, dict) or not all(isinstance(section, dict) for section in sections.values()):
        raise FactsError("holds no sections", file=path, key="sections", mend=_MEND)
    groups = facts.setdefault("groups", [])  # since schema 1.1
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise FactsError("holds no list of groups", file=path, key="groups", mend=_MEND)
    return facts


def read_inventory(path: Path) -> dict[str, list[str]]:
    """Return the groups of an inventory and their hosts, as a collection noted them.

    Raises:
        FactsError: it is not of that form.
    """
    try:
        noted = msgspec.json.decode(path.read_bytes(), type=_Inventory)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FactsError(f"no groups of an inventory: {error}", file=path, mend="collect again") from error
    if noted.format != INVENTORY_FORMAT or noted.schema.partition(".")[0] != MAJOR:
        raise FactsError(f"it is {noted.format} {noted.schema}", file=path, mend="collect again")
    return noted.groups


def read_facts_dir(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the facts of every `*.json` file in a directory, by host.

    Raises:
        FactsError: there is none, one is no facts file, or two are of one host.
    """
    if (directory / "run.json").is_file():
        raise FactsError("this is a run, not its facts", file=directory, mend=f"name {directory / 'facts'}")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(directory.glob("*.json")):
        facts = read_facts(path)
        if facts["host"] in found:
            raise FactsError(
                f"a second facts file of host {facts['host']}", file=path, key="host", mend=_MEND
            )
        found[facts["host"]] = facts
    if not found:
        raise FactsError(
            "no facts files (*.json) there", file=directory, mend="name the facts directory of a run"
        )
    return found


def copy_facts(source: Path, target: Path) -> None:
    """Copy a directory of facts, what lies beside it included, so that the run can be judged again.

    Args:
        source: facts that were read; the groups of the inventory may lie in its parent.
        target: the empty directory of a run's facts.
    """
    groups = source.absolute().parent / "inventory.json"
    copies = {path: target / path.name for path in source.glob("*.json")}
    copies |= {path: target / BESIDE / path.name for path in (source / BESIDE).glob("*.json")}
    copies |= {groups: target.parent / groups.name} if groups.is_file() else {}
    for path, copy in copies.items():
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(copy, path.read_bytes())
