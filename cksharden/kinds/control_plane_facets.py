# SPDX-License-Identifier: Apache-2.0
"""Ask the options of a component in its three facets: manifest, process, and what kubeadm would write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Manifest
from cksharden import control_plane
from cksharden.facts import NodeFacts, Unknown, parse_minor
from cksharden.kinds.control_plane_spec import Flag
from cksharden.kinds.document import DocumentError, answer
from cksharden.kinds.expectation import show
from cksharden.kinds.facets import FACETS
from cksharden.model import Item, Status
from cksharden.static_pod_facts import File

# Options of a component that are its whole configuration: beside it every other option is ignored.
_WHOLE = {"etcd": "config-file"}


class NotMounted(Exception):  # noqa: N818 - a verdict, not a fault
    """A file that an option names is not in the container, or not on the node at all."""


@dataclass(frozen=True)
class Seen:
    """The options of a component in one facet."""

    facet: str
    facts: NodeFacts
    manifest: Manifest
    """The one that goes with it: what is mounted, and which version it is."""
    values: Callable[[str], tuple[str, ...]]
    source: str

    def file(self, path: str) -> File:
        """Return the file of the node that the container sees at a path.

        Raises:
            NotMounted: the container sees nothing of the node there.
            Unknown: it was not looked at.
        """
        there = self.manifest.host_path(path)
        if there is None:
            raise NotMounted(f"{path} is not mounted by {self.manifest.path}")
        return control_plane.file(self.facts, there)

    def read(self, option: str, path: str) -> str:
        """Return the text of the file that an option names, as the component has it.

        Raises:
            NotMounted, Unknown: see file; it is not there; or the process has not read what is there now.
        """
        found = self.file(path)
        if not found.exists:
            raise NotMounted(self._missing(found.path))
        text = found.whole_text
        if self.facet == "running":
            self._check_read(option, found)
        return text

    def _missing(self, path: str) -> str:
        """Say what a control plane lacks that joined without the files of the others, and the mend."""
        cluster, host = self.facts.cluster, self.facts.host
        others = () if isinstance(cluster, str) else cluster.files.get(path, ())
        told = f"{path} is not there, and {self.manifest.component} does not start without it"
        if not others:
            return told
        have = "has it" if len(others) == 1 else "have it"
        mend = f"`cksharden prepare INVENTORY --limit {host}` places it"
        return f"{told}; {' and '.join(others)} {have}: {mend}"

    def answer(self, option: str, path: str, question: str) -> Any:
        """Return what the file that an option names says, None where it does not speak of it.

        Raises:
            NotMounted, Unknown: see read.
            DocumentError: it is not of its format, or does not answer.
        """
        text = self.read(option, path)
        return answer(option, text, path, question, lambda other: self.read(option, other))

    def _check_read(self, option: str, found: File) -> None:
        """Refuse a file that the process may not have read: it says so itself, or the times do."""
        name = self.manifest.component
        said = control_plane.static_pods(self.facts).loaded.get(option.partition("-")[0])
        if said is not None and said.current is not None and said.path in (None, found.path):
            if not said.current:
                raise Unknown(f"{name} has not loaded what {found.path} says now")
            return
        started = control_plane.running(self.facts, name).started
        # A process tells its start to the second.
        if found.mtime is not None and found.mtime >= started + 1:
            raise Unknown(f"{found.path} changed after {name} started, which has not read it")


def seen(facts: NodeFacts, component: str, facet: str) -> Seen:
    """Return the options of a component in one facet.

    Raises:
        Unknown: they can't be told.
    """
    live = control_plane.declared(facts, component)
    if live is None:
        raise Unknown(f"no manifest of {component} lies in {control_plane.static_pods(facts).directory}")
    if facet == "running":
        process = control_plane.running(facts, component)
        return _checked(Seen(facet, facts, live, process.values, f"process {process.pid}"))
    manifest = live if facet == "declared" else control_plane.rendered(facts, component)
    if manifest is None:
        raise Unknown(f"kubeadm makes no manifest of {component}")
    return _checked(Seen(facet, facts, manifest, manifest.values, manifest.path))


def absent_component(facts: NodeFacts, component: str) -> str | None:
    """Say why a control about a component is not asked of a control plane that runs none of it."""
    if component == "etcd" and control_plane.declared(facts, component) is None:
        return "no static pod of this node runs etcd"
    return None


def minor_of(facts: NodeFacts, component: str) -> tuple[int, int] | None:
    """Return the (major, minor) of a component, None where its image does not tell."""
    manifest = control_plane.declared(facts, component)
    return None if manifest is None else parse_minor(manifest.version or "")


def facets(
    facts: NodeFacts, component: str, expects: Any, judge: Callable[[Any, Seen], Item]
) -> tuple[Item, ...]:
    """Return what `judge` says of each facet; what can't be told is unknown with its reason."""
    items = []
    for facet in FACETS:
        try:
            items.append(judge(expects, seen(facts, component, facet)))
        except NotMounted as error:
            items.append(Item(facet, Status.FAIL, reason=str(error)))
        except (Unknown, DocumentError) as error:
            items.append(Item(facet, Status.UNKNOWN, reason=str(error)))
    return tuple(items)


def judge_flag(flag: Flag, at: Seen) -> Item:
    """Judge one option in one facet.

    Raises:
        NotMounted, Unknown, DocumentError: the file that says it in its place can't be told.
    """
    if flag.instead is not None:
        paths = at.values(flag.instead.option)
        if paths:
            said = at.answer(flag.instead.option, paths[-1], flag.instead.of)
            what = f"{flag.instead.of} in {paths[-1]}"
            return _unset(flag, at, what) if said is None else judged(flag, at, said, what, paths[-1])
    texts = _texts(flag, at)
    try:
        value = flag.parse(texts)
    except ValueError as error:
        shown = ",".join(texts)
        return Item(at.facet, Status.UNKNOWN, shown, at.source, f"{flag.name} in {at.source}: {error}")
    if value is None:
        return _unset(flag, at, flag.name)
    if flag.mount is not None and value.startswith("/") and at.manifest.host_path(value) is None:
        raise NotMounted(f"{value} is not mounted by {at.manifest.path}: it is lost with the container")
    return judged(flag, at, value, flag.name, at.source)


def judged(expects: Any, at: Seen, value: Any, what: str, source: str) -> Item:
    """Hold a value against an expectation."""
    status = Status.PASS if expects.holds(value) else Status.FAIL
    verb = "is" if status is Status.PASS else "is not as expected:"
    place = "" if source in what else f" in {source}"
    return Item(at.facet, status, value, source, f"{what} {verb} {show(value)}{place}")


def _unset(flag: Flag, at: Seen, what: str) -> Item:
    try:
        default = flag.default_of(at.manifest.version)
    except ValueError as error:
        raise Unknown(str(error)) from error
    status, reason = flag.unset(what, at.manifest.component, default)
    return Item(at.facet, status, source=at.source, reason=f"{reason} ({at.source})")


def _texts(flag: Flag, at: Seen) -> tuple[str, ...]:
    """Return what an option is given; what etcd is not told by one, its environment tells."""
    found = at.values(flag.option)
    if found or at.manifest.component != "etcd":
        return found
    name = f"ETCD_{flag.option.replace('-', '_').upper()}"
    for container in at.manifest.pod["spec"]["containers"]:
        for one in container.get("env") or ():
            if one.get("name") == name:
                if at.facet == "running" or "value" not in one:
                    raise Unknown(
                        f"the variable {name} of {at.manifest.path} says it, which is not followed here"
                    )
                return (str(one["value"]),)
    return ()


def _checked(at: Seen) -> Seen:
    whole = _WHOLE.get(at.manifest.component)
    if whole and at.values(whole):
        raise Unknown(
            f"--{whole} makes {at.manifest.component} ignore its options, which is not worked out here"
        )
    return at
