# SPDX-License-Identifier: Apache-2.0
"""A file that an option of the control plane names: what it says, who may read it, and who has read it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cksharden import control_plane
from cksharden.facts import NodeFacts, Unknown, parse_minor
from cksharden.kinds.control_plane_example import example_facts, with_document
from cksharden.kinds.control_plane_facets import (
    NotMounted,
    Seen,
    absent_component,
    facets,
    judge_flag,
    judged,
    minor_of,
    seen,
)
from cksharden.kinds.control_plane_flag import adopted, mount_item
from cksharden.kinds.control_plane_kind import ControlPlaneKind
from cksharden.kinds.control_plane_spec import ControlPlaneFile, Document, check_words
from cksharden.kinds.document import FORMATS, DocumentError, read
from cksharden.kinds.document_merge import added, joined, paths_in
from cksharden.kinds.expectation import show
from cksharden.kinds.facets import judgement
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.oidc import as_jwt
from cksharden.model import Item, Judgement, Status, worst

DIRECTORY = "/etc/kubernetes/cksharden"
MOUNT = mount_item("cksharden-config", DIRECTORY, True, "DirectoryOrCreate")


class ControlPlaneFileKind(ControlPlaneKind):
    """Judges and remedies files that options name."""

    name = "control_plane_file"
    spec = ControlPlaneFile

    def minor(self, spec: ControlPlaneFile, facts: NodeFacts) -> tuple[int, int] | None:
        """Return the component's version, which its image tells."""
        return minor_of(facts, spec.component)

    def judge(self, spec: ControlPlaneFile, facts: NodeFacts) -> Judgement:
        """Judge the three facets, and the file's mode; the status is the worst of them."""
        absent = absent_component(facts, spec.component)
        if absent is not None:
            return Judgement(Status.NOT_APPLICABLE, absent, None, spec.expected)
        items = facets(facts, spec.component, spec, _judge)
        return judgement((*items, *_access(spec, facts)), spec.expected)

    def check_parameters(self, spec: ControlPlaneFile, parameters: Mapping[str, Any]) -> None:
        """See check_words."""
        check_words(spec, parameters)

    def remedy(self, spec: ControlPlaneFile, facts: NodeFacts) -> list[dict[str, Any]]:
        """Word the intent: a new file of its own name, its mount, and the options in the same step."""
        if spec.write is None:
            raise CannotRemedy(f"the content of the file of {spec.name} is not cksharden's to choose")
        at = seen(facts, spec.component, "declared")
        kept = adopted(self.judge(spec, facts), at, at.values(spec.option))
        if kept is not None:
            return [{"component": spec.component, "option": spec.option} | kept]
        beside = [one.name for one in at.manifest.options if _starts(one.name, spec.refused_beside)]
        if beside:
            raise CannotRemedy(
                f"{spec.component} does not start with --{beside[0]} beside {spec.name}: "
                f"what it says has to move into that file first, as {as_jwt(at.manifest.options)}"
            )
        minor, since = minor_of(facts, spec.component), parse_minor(spec.writes_since or "")
        if since is not None and (minor is None or minor < since):
            told = f"this is {minor[0]}.{minor[1]}" if minor else "the version of this one is not known"
            raise CannotRemedy(
                f"{spec.component} reads what {spec.name} would name from {spec.writes_since} on, and {told}"
            )
        path, text = _written(spec, spec.write, at)
        mounted = at.manifest.host_path(DIRECTORY) is not None
        item = {
            "component": spec.component,
            "option": spec.option,
            "value": path,
            "mounts": ([] if mounted else [MOUNT]) + _kept_mounts(facts, at, text),
            "files": [{"path": path, "content": text, "mode": "0600"}],
        }
        gone = spec.without.option if spec.without and at.values(spec.without.option) else None
        return [item] + ([{"component": spec.component, "option": gone, "value": None}] if gone else [])

    def example(self, spec: ControlPlaneFile, snippet: dict[str, Any]) -> NodeFacts:
        """See control_plane_example; `document` is the file that the option names."""
        of = FORMATS[spec.option]
        head = {"apiVersion": of.version, "kind": of.kind}
        return example_facts(with_document(snippet, spec.option, head), spec.component)


def _judge(spec: ControlPlaneFile, at: Seen) -> Item:
    paths = at.values(spec.option)
    path = paths[-1] if paths else ""
    if not path:
        return _otherwise(spec, at, spec.name)
    if not spec.asked:
        read(spec.option, at.read(spec.option, path), path)
        return Item(at.facet, Status.PASS, path, path, f"{spec.name} is {path} in {at.source}")
    found = []
    for question in spec.asked:
        said = at.answer(spec.option, path, question)
        what = f"{question} in {path}"
        found.append(_otherwise(spec, at, what) if said is None else judged(spec, at, said, what, path))
    status = worst([one.status for one in found])
    wrong = [one for one in found if one.status is status]
    if len(found) == 1 or status is not Status.PASS:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return Item(at.facet, status, wrong[0].observed, path, wrong[0].reason + more)
    answers = {question: show(one.observed) for question, one in zip(spec.asked, found, strict=True)}
    return Item(at.facet, status, answers, path, f"{path} says so of all of {', '.join(spec.asked)}")


def _otherwise(spec: ControlPlaneFile, at: Seen, what: str) -> Item:
    """Judge what no file says: by the option that says it then, or by the default."""
    if spec.without is not None:
        return judge_flag(spec.without, at)
    status, reason = spec.unset(what, at.manifest.component)
    return Item(at.facet, status, source=at.source, reason=f"{reason} ({at.source})")


def _access(spec: ControlPlaneFile, facts: NodeFacts) -> tuple[Item, ...]:
    """Judge the mode of the file that the manifest names."""
    if spec.max_mode is None:
        return ()
    try:
        at = seen(facts, spec.component, "declared")
        paths = at.values(spec.option)
        mode = at.file(paths[-1]).mode if paths else None
    except (NotMounted, Unknown):
        return ()  # the facets say so
    if mode is None:
        return ()
    status = Status.FAIL if int(mode, 8) & ~int(spec.max_mode, 8) else Status.PASS
    reason = f"{paths[-1]} has mode {mode}, at most {spec.max_mode} is expected"
    return (Item("mode", status, mode, paths[-1], reason),)


def together(items: list[dict[str, Any]], facts: NodeFacts) -> list[dict[str, Any]]:
    """Return items of which those that write the file of one option write one and the same.

    Those that can't be brought together stay as they are: the second is then refused.
    """
    by_option: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in items:
        if item.get("files"):
            by_option.setdefault((item["component"], item["option"]), []).append(item)
    changed: dict[int, dict[str, Any]] = {}
    for (component, option), some in by_option.items():
        if len({item["value"] for item in some}) == 1:
            continue
        at = seen(facts, component, "declared")
        named = at.values(option)
        base = at.file(named[-1]).whole_text if named else None
        text = some[0]["files"][0]["content"]
        try:
            for item in some[1:]:
                text = joined(option, base, named[-1] if named else "", text, item["files"][0]["content"])
        except DocumentError:
            continue
        path = _path(some[0]["value"].removeprefix(f"{DIRECTORY}/").rpartition("-")[0], text)
        file = some[0]["files"][0] | {"path": path, "content": text}
        changed |= {id(item): item | {"value": path, "files": [file]} for item in some}
    return [changed.get(id(item), item) for item in items]


def _written(spec: ControlPlaneFile, write: Document, at: Seen) -> tuple[str, str]:
    """Return path and text of the new file."""
    text, option = write.content, spec.option
    paths = at.values(option)
    if paths:
        try:
            there = at.file(paths[-1])
        except NotMounted as error:
            raise CannotRemedy(f"{error}: mount its directory first") from error
        if not FORMATS[option].merged:
            raise CannotRemedy(f"{there.path} is somebody's own: nothing is put into it")

        def whole(path: str) -> str:
            found = at.file(path)
            if found.redacted:
                raise CannotRemedy(f"{found.path} holds secrets, and is not copied")
            return found.whole_text

        try:
            text = added(option, text, whole(paths[-1]), paths[-1], spec.met_by, whole)
        except (DocumentError, NotMounted) as error:
            raise CannotRemedy(str(error)) from error
    return _path(write.name, text), text


def _path(name: str, text: str) -> str:
    """Return where a file goes: a digest is in its name, for the process reads it only once."""
    return f"{DIRECTORY}/{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"


def _kept_mounts(facts: NodeFacts, at: Seen, text: str) -> list[dict[str, Any]]:
    """Return the mounts of the files that a file names, those that kubeadm would not make by itself."""
    paths = set(paths_in(text))
    for path in tuple(paths):
        with suppress(NotMounted, Unknown):
            paths |= paths_in(at.file(path).whole_text)
    try:
        later = control_plane.rendered(facts, at.manifest.component)
    except Unknown:
        return []
    mounts = {at.manifest.mount_of(path) for path in paths if later and later.host_path(path) is None}
    kept = sorted((one for one in mounts if one and one.host_path), key=lambda one: one.mount_path)
    for one in kept:
        if one.host_path != one.mount_path:
            raise CannotRemedy(
                f"{one.mount_path} is mounted from {one.host_path}: say both in kubeadm-config"
            )
    return [mount_item(one.name, one.mount_path, one.read_only, one.type) for one in kept]


def _starts(name: str, prefix: str | None) -> bool:
    return prefix is not None and name.startswith(prefix)
