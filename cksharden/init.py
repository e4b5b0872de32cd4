# SPDX-License-Identifier: Apache-2.0
"""Make an inventory of a cluster from the names of one or a few of its nodes: the rest is found out.

A control plane tells all nodes of its cluster. What nodes say goes into an inventory only where it is a
name that Kubernetes allows or an IP address: Ansible takes other text there for a template.
"""

from __future__ import annotations

import ipaddress
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from cksharden import init_files, rundir
from cksharden.collect import collect
from cksharden.errors import FactsError, IncompleteError, UsageError
from cksharden.facts import NodeFacts, Unknown
from cksharden.init_files import Member
from cksharden.init_source import hosts_of
from cksharden.model import NodeKind
from cksharden.runner import Connection, OnEvent

_HOST = re.compile(
    r"(?:(?P<user>[\w.-]+)@)?(?P<address>\[[0-9A-Fa-f:]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?", re.ASCII
)
_LAST_PORT = 65535
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # an RFC 1123 subdomain
_REQUEST: Mapping[str, Any] = {"schema": "1.0", "files": []}


class _Node(msgspec.Struct, frozen=True):
    """A node as the section `cluster` of a control plane tells it."""

    name: str
    control_plane: bool
    address: str | None = None


@dataclass(frozen=True)
class Made:
    """What init found and wrote."""

    members: tuple[Member, ...]
    troubles: Mapping[str, str]
    """Host -> why it could not be asked, or is not in the inventory."""
    files: tuple[Path, ...]


def init(
    directory: Path, hosts: Sequence[str], source: Path | None, connection: Connection, on_event: OnEvent
) -> Made:
    """Ask the hosts who they and their cluster are, and write an inventory of all of them.

    Args:
        directory: where; it must not be there yet, or be empty.
        hosts: `[user@]address[:port]`, address being a name of ssh_config or DNS, or an IP address.
        source: an Ansible inventory, whose hosts are asked too.
        connection: how to connect; its user and key go into the inventory, a password never.
        on_event: called with a host and what it is at.

    Raises:
        UsageError: the directory holds something, or a host is not written like that.
        InventoryError: the other inventory can't be read.
        IncompleteError: no host that was named is a node and could be asked; nothing is written.
    """
    _require_room(directory)
    named = (hosts_of(source, connection) if source else {}) | _named(hosts)
    if not named:
        raise UsageError("no host was named", key="--host", mend="name a control plane; it tells the others")
    with tempfile.TemporaryDirectory(prefix="cksharden-init-") as place:
        facts, troubles = _ask(Path(place), named, connection, on_event)
    if not facts:
        raise IncompleteError(
            "\n  ".join(
                [
                    "none of these is a node that could be asked, so nothing was written",
                    *map(": ".join, troubles.items()),
                ]
            ),
            mend="name a node as you would to ssh, with -u, --private-key and -K as it needs",
        )
    members, troubles = _members(named, facts, troubles)
    members = tuple(sorted(members, key=lambda one: (not one.control_plane, one.name)))
    return Made(members, troubles, init_files.write(directory, members, connection))


def _members(
    named: Mapping[str, Member], facts: Mapping[str, NodeFacts], troubles: Mapping[str, str]
) -> tuple[tuple[Member, ...], dict[str, str]]:
    """Return each node once, whether it answered or a control plane knows it, and what went wrong."""
    by_node: dict[str, Member] = {}
    told = dict(troubles)
    for host, one in facts.items():
        member = _member(named[host], one)
        twin = by_node.setdefault(member.node, member)
        if twin is not member:
            told[host] = f"its node {member.node} is there already, as {twin.name}"
    for node, teller in _cluster_nodes(facts):
        if node.name in by_node:
            continue
        asked = named[node.name] if node.name in troubles else None
        found = asked or named[teller].neighbour(node.name, node.address)
        member = replace(found, node=node.name, control_plane=node.control_plane)
        if member.name in {one.name for one in by_node.values()}:
            told[member.name] = "is the name of two nodes here: name the other one as well"
        else:
            by_node[node.name] = member
    return tuple(by_node.values()), told


def _require_room(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            "it holds something already, and init overwrites nothing",
            file=directory,
            mend="name a new directory",
        )


def _named(hosts: Sequence[str]) -> dict[str, Member]:
    """Return each host as a member whose name is what it was called."""
    named: dict[str, Member] = {}
    for text in hosts:
        found = _HOST.fullmatch(text)
        if found is None:
            raise UsageError(
                f"{text!r} is no host", key="--host", mend="write it like cp1 or admin@192.0.2.11:22"
            )
        name = found["address"].strip("[]")
        address = name if _is_address(name) else None
        if name in named:
            raise UsageError(f"{name} is named twice", key="--host", mend="name each host once")
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port <= _LAST_PORT:
            raise UsageError(
                f"{text!r} has no port", key="--host", mend=f"name a port from 1 to {_LAST_PORT}"
            )
        named[name] = Member(name, address, user=found["user"], port=port)
    return named


def _ask(
    place: Path, named: Mapping[str, Member], connection: Connection, on_event: OnEvent
) -> tuple[dict[str, NodeFacts], dict[str, str]]:
    """Return the facts of every host that is a node, and why there are none of the others."""
    inventory, directory = place / "hosts.yml", place / "facts"
    listed = {host: one.variables() for host, one in named.items()}
    inventory.write_bytes(msgspec.json.encode({"all": {"hosts": listed}}))
    directory.mkdir()
    collected = collect(inventory, _REQUEST, connection, None, directory, on_event=on_event)
    facts: dict[str, NodeFacts] = {}
    troubles: dict[str, str] = {}
    for host, brought in collected.hosts.items():
        try:
            facts[host] = _node(host, brought)
        except (FactsError, Unknown) as why:
            troubles[host] = str(why)
    return facts, troubles


def _node(host: str, brought: Path | str) -> NodeFacts:
    """Return the facts of a Kubernetes node. Raises Unknown, FactsError."""
    if isinstance(brought, str):
        raise Unknown(brought)
    facts = NodeFacts(host, rundir.read_facts(brought)["sections"])
    if facts.kind is NodeKind.NONE:
        raise Unknown("this is no Kubernetes node: it has neither a kubelet nor a kubelet.service")
    facts.section("kubelet")  # tells the node's name
    return facts


def _member(named: Member, facts: NodeFacts) -> Member:
    """Return a host that answered: by the name that ssh knows, or its node's where that is an address."""
    node = facts.section("kubelet").get("node_name")
    node = node if isinstance(node, str) and _NODE_NAME.fullmatch(node) else named.name
    control_plane = facts.kind is NodeKind.CONTROL_PLANE
    name = node if named.address else named.name
    return replace(named, name=name, node=node, control_plane=control_plane, reached=True)


def _cluster_nodes(facts: Mapping[str, NodeFacts]) -> list[tuple[_Node, str]]:
    """Return each node that control planes tell of, as far as it can stand in an inventory, and who told."""
    found: dict[str, tuple[_Node, str]] = {}
    for host, one in facts.items():
        try:
            told = msgspec.convert(one.section("cluster").get("nodes"), list[_Node])
        except (Unknown, msgspec.ValidationError):
            continue  # a worker has no such section
        for node in told:
            if _NODE_NAME.fullmatch(node.name):
                address = node.address if node.address and _is_address(node.address) else None
                found.setdefault(node.name, (msgspec.structs.replace(node, address=address), host))
    return list(found.values())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
