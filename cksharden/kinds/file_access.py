# SPDX-License-Identifier: Apache-2.0
"""Who may reach a file: its mode and owner, those of its parents, and whether it is there at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.file_changes import file_changes
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.file_entry import check_pattern
from cksharden.kinds.file_example import example_facts
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.kubelet_setting import named_file
from cksharden.model import Item, Judgement, Status, worst

# Directories that belong to Kubernetes alone: only there is a parent's mode ours to change.
OWN_TREES = ("/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd")
_WRITABLE_BY_OTHERS = 0o022
_STICKY = 0o1000


class FileAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `with:` of a file_access."""

    paths: list[str]
    """Absolute paths of files or directories, or globs; `*` does not cross a slash."""
    absent: Literal["pass", "fail", "unknown", "not_applicable"]
    """What it means that one of the paths is not there, or that no glob matches."""
    absent_because: str = ""
    """Why there may be none, for the finding to say."""
    named_by: list[str] = []
    """Kubelet options, flags with dashes: the first that is set names the file instead of `paths`."""
    max_mode: str | None = None
    """Octal text such as "0600": every bit beyond it fails; a stricter mode is fine and is kept."""
    owner: str | None = None
    group: str | None = None
    parents: bool = False
    """Also ask of every directory above that root owns it and nobody else may write it (sticky is fine)."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("paths: name at least one")
        for path in self.paths:
            if not path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"paths: {path!r} must be absolute and without '..'")
        if self.max_mode is not None and not (
            len(self.max_mode) == 4 and set(self.max_mode) <= set("01234567")
        ):
            raise ValueError(f'max_mode: {self.max_mode!r} must be four octal digits in quotes, like "0600"')
        if not (self.max_mode or self.owner or self.group or self.parents or self.absent == "fail"):
            raise ValueError("ask at least one thing: max_mode, owner, group, parents, or absent: fail")

    @property
    def name(self) -> str:
        """What the control is about, in messages."""
        return ", ".join(self.paths)

    @property
    def expected(self) -> str:
        """The expectation in words."""
        words = [f"mode at most {self.max_mode}"] if self.max_mode else []
        words += [f"owner {self.owner}"] if self.owner else []
        words += [f"group {self.group}"] if self.group else []
        words += ["parents written by root alone"] if self.parents else []
        return ", ".join(words) or "exists"


class FileAccessKind:
    """Judges and remedies the access to files."""

    name = "file_access"
    role = "file_access"
    spec = FileAccess

    def requests(self, spec: FileAccess) -> list[dict[str, Any]]:
        """Return the paths and globs of the control."""
        return [{"path": path, "parents": spec.parents} for path in spec.paths]

    def minor(self, _spec: FileAccess, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the kubelet's version."""
        return facts.minor

    def judge(self, spec: FileAccess, facts: NodeFacts) -> Judgement:
        """Judge every file that the path matches, each by the target of its link."""
        items: list[Item] = []
        for entry in _matches(spec, facts):
            items += _judge_entry(spec, entry)
        if not items:
            reason = f"no file matches {spec.name}{_because(spec)}"
            return Judgement(Status(spec.absent), reason, None, spec.expected, spec.name)
        status = worst([item.status for item in items])
        first = next(item for item in items if item.status is status)
        more = sum(item.status is status for item in items) - 1
        reason = first.reason + (f", and {more} more" if more and status is not Status.PASS else "")
        return Judgement(status, reason, first.observed, spec.expected, first.source, tuple(items))

    def check_parameters(self, _spec: FileAccess, _parameters: Mapping[str, Any]) -> None:
        """Refuse nothing: where a team keeps its files, and who may read them, is its own."""

    def remedy(self, spec: FileAccess, facts: NodeFacts) -> list[dict[str, Any]]:
        """Word the intent for each failing file; parents only inside Kubernetes' own trees."""
        wanted: dict[str, dict[str, Any]] = {}
        for entry in _matches(spec, facts):
            if entry.get("error"):
                continue  # unknown, which does not keep the others from being changed
            if not entry.get("exists"):
                if spec.absent != "fail":
                    continue
                raise CannotRemedy(
                    f"{entry['path']} does not exist, and its content is not cksharden's to invent"
                )
            if entry["real_path"] != entry["path"] and not _is_own(entry["real_path"]):
                raise CannotRemedy(
                    f"{entry['path']} is a link to {entry['real_path']}, which is not Kubernetes' own"
                )
            own = {"owner": spec.owner, "group": spec.group, "mode": _stricter(entry["mode"], spec.max_mode)}
            _want(wanted, entry["real_path"], entry, own)
            for parent in _open_parents(spec, entry):
                if not _is_own(parent["path"]):
                    raise CannotRemedy(
                        f"{parent['path']} belongs to the system: see to its owner and mode by hand"
                    )
                mode = f"{int(parent['mode'], 8) & ~_WRITABLE_BY_OTHERS:04o}"
                _want(wanted, parent["path"], parent, {"owner": "root", "group": None, "mode": mode})
        return list(wanted.values())

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """See plugin_utils.file_changes."""
        return file_changes(known_entries(facts), items)

    def example(self, spec: FileAccess, snippet: dict[str, Any]) -> NodeFacts:
        """See file_example.example_facts."""
        return example_facts(spec.paths, snippet)


def known_entries(facts: NodeFacts) -> list[dict[str, Any]]:
    """Return every file of the facts, the parents that were asked for included."""
    kubelet = facts.sections.get("kubelet", {}).get("data") or {}
    found = [
        {"path": path, "real_path": path, **entry}
        for path, entry in kubelet.get("files", {}).items()
        if entry.get("mode")
    ]
    for pattern in facts.section("files").get("patterns", {}).values():
        for entry in pattern.get("matches") or ():
            found.append(entry)
            found += [
                parent | {"real_path": parent["path"], "exists": True, "error": None}
                for parent in entry.get("parents") or ()
            ]
    return found


def _matches(spec: FileAccess, facts: NodeFacts) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    patterns = facts.section("files").get("patterns", {})
    named = named_file(spec.named_by, facts)
    if named is not None and named not in patterns:
        return [_of_kubelet(named, facts)]
    for path in [named] if named is not None else spec.paths:
        pattern = patterns.get(path)
        if not isinstance(pattern, dict):
            raise Unknown(f"{path} was not collected")
        check_pattern(path, pattern)
        if pattern.get("error"):
            raise Unknown(f"{path}: {pattern['error']}")
        found += pattern["matches"]
    return found


def _of_kubelet(path: str, facts: NodeFacts) -> dict[str, Any]:
    """Return a file that came with the kubelet's own: no pattern brought it."""
    entry = facts.section("kubelet").get("files", {}).get(path)
    if entry is None:
        raise Unknown(
            f"the kubelet is told to use {path}, which was not collected: give the control that path, by "
            "`parameters` in a profile"
        )
    return {"path": path, "real_path": path, **entry}


def _because(spec: FileAccess) -> str:
    return f": {spec.absent_because}" if spec.absent_because else ""


def _judge_entry(spec: FileAccess, entry: dict[str, Any]) -> list[Item]:
    path = entry["path"]
    if entry.get("error"):
        return [Item(path, Status.UNKNOWN, source=path, reason=f"{path}: {entry['error']}")]
    if not entry.get("exists"):
        reason = f"{path} does not exist{_because(spec)}"
        return [Item(path, Status(spec.absent), source=path, reason=reason)]
    real = entry["real_path"] or path
    name = path if real == path else f"{path} (a link to {real})"
    seen = {"mode": entry["mode"], "owner": entry["owner"], "group": entry["group"]}
    wrong = [
        f"{key} is {seen[key]}" for key in ("owner", "group") if getattr(spec, key) not in (None, seen[key])
    ]
    if _stricter(entry["mode"], spec.max_mode):
        wrong.insert(0, f"mode is {entry['mode']}")
    status = Status.FAIL if wrong else Status.PASS
    facts = ", ".join(wrong) or f"mode {seen['mode']}, {seen['owner']}:{seen['group']}"
    items = [Item(path, status, seen, real, f"{name}: {facts}")]
    for parent in _open_parents(spec, entry):
        said = f"its parent {parent['path']} has mode {parent['mode']} and owner {parent['owner']}"
        observed = {key: parent[key] for key in ("mode", "owner", "group")}
        items.append(Item(parent["path"], Status.FAIL, observed, parent["path"], f"{name}: {said}"))
    return items


def _open_parents(spec: FileAccess, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parents through which somebody else than root could replace the file."""
    if not spec.parents:
        return []
    parents = entry.get("parents") or ()
    return [one for one in parents if one["uid"] != 0 or _writable(int(one["mode"], 8))]


def _is_own(path: str) -> bool:
    return any(path == tree or path.startswith(f"{tree}/") for tree in OWN_TREES)


def _writable(mode: int) -> bool:
    return bool(mode & _WRITABLE_BY_OTHERS) and not mode & _STICKY


def _stricter(mode: str, limit: str | None) -> str | None:
    """Return the mode without the bits beyond the limit, None where it has none of them."""
    if limit is None or not int(mode, 8) & ~int(limit, 8):
        return None
    return f"{int(mode, 8) & int(limit, 8):04o}"


def _want(
    wanted: dict[str, dict[str, Any]], path: str, entry: dict[str, Any], what: dict[str, str | None]
) -> None:
    """Note what is not yet as wanted, None for what stays."""
    differs = {key: None if value == entry[key] else value for key, value in what.items()}
    if any(differs.values()):
        wanted.setdefault(path, {"path": path, "mode": None, "owner": None, "group": None})
        wanted[path] |= {key: value for key, value in differs.items() if value}
