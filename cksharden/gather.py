# SPDX-License-Identifier: Apache-2.0
"""The facts of every host: collected from the nodes, or read back from a directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import EncryptionError
from cksharden import records, rundir
from cksharden.cluster import assemble
from cksharden.collect import collect
from cksharden.control_plane import static_pods
from cksharden.errors import CkshardenError, ExitCode, FactsError
from cksharden.facts import Collected, NodeFacts, Unknown, Unreachable
from cksharden.inventory import CONTROL_PLANES
from cksharden.kinds.control_plane_facets import NotMounted
from cksharden.kinds.encryption import readable
from cksharden.kinds.interface import CannotRemedy
from cksharden.order import Order, Watch
from cksharden.policy import Selection, groups_of
from cksharden.rundir import RunDir
from cksharden.transactions import OpenTransaction, OpenTransactions, still_open


def begun(
    order: Order, selection: Selection, watch: Watch, of: str | None = None
) -> tuple[RunDir, Collected]:
    """Begin a run and collect; a run that was never to be leaves nothing behind."""
    run = records.begin(order, selection.profile, of)
    with nothing_left(run):
        return run, facts(order, selection, run.make(run.facts), watch, "collect")


def facts(order: Order, selection: Selection, directory: Path, watch: Watch, stage: str) -> Collected:
    """Return the facts of every host: read back where the order names recorded ones, else collected.

    Args:
        order: what the user asked for.
        selection: the controls, which say what has to be brought.
        directory: where the facts of each host are written; recorded ones are copied there.
        watch: sees how far each host is.
        stage: the name under which it sees that.
    """
    if order.facts is not None:
        recorded: Collected = {host: _facts(one) for host, one in rundir.read_facts_dir(order.facts).items()}
        found = _in_cluster(recorded, _recorded_beside(order.facts / rundir.BESIDE))
        rundir.copy_facts(order.facts, directory)
        return found
    with watch.stage(stage) as on_event:
        collected = collect(
            order.required_inventory(),
            selection.request(),
            order.connection,
            order.limit,
            directory,
            on_event=on_event,
        )
    groups = groups_of(collected.inventory)
    hosts, beside = (
        {host: _node(host, brought, tuple(sorted(groups.get(host, ())))) for host, brought in part.items()}
        for part in (collected.hosts, collected.beside)
    )
    return _in_cluster(hosts, beside)


def note_open(run: RunDir, collected: Collected) -> tuple[OpenTransaction, ...]:
    """Return what has not ended on the nodes, and keep it in the run where there is or was any."""
    found: list[OpenTransaction] = []
    for host, node in collected.items():
        if isinstance(node, Unreachable) or "transactions" not in node.sections:
            continue  # unknown already, or facts that were recorded without it
        try:
            found += still_open(host, node.section("transactions"))
        except Unknown as why:
            found.append(OpenTransaction(host, reason=str(why)))
    if found or run.file("transactions").is_file():
        run.write("transactions", OpenTransactions(tuple(found)))
    return tuple(found)


@contextmanager
def nothing_left(run: RunDir) -> Iterator[None]:
    """Remove the directory of a run that ends by a wrong command line or file."""
    try:
        yield
    except CkshardenError as error:
        if error.exit_code is ExitCode.USAGE:
            shutil.rmtree(run.path)
        raise


def inventory(run: RunDir) -> dict[str, list[str]]:
    """Return the groups of the whole inventory and their hosts; empty where recorded facts came without."""
    file = run.file("inventory")
    return rundir.read_inventory(file) if file.is_file() else {}


def _recorded_beside(directory: Path) -> Collected:
    if not directory.is_dir():
        return {}
    return {host: _facts(one) for host, one in rundir.read_facts_dir(directory).items()}


def _in_cluster(hosts: Collected, beside: Collected) -> Collected:
    """Return the facts of hosts with those of the cluster, which any control plane may have brought."""
    told: dict[str, dict[str, Any] | str] = {}
    for host, node in (hosts | beside).items():
        if isinstance(node, Unreachable):
            if CONTROL_PLANES in node.groups:
                told[host] = node.reason
        elif "cluster" in node.sections:
            told[host] = _told(node)
        elif CONTROL_PLANES in node.groups:
            told[host] = "it has no API server in /etc/kubernetes/manifests"
    cluster = assemble(told)
    if not isinstance(cluster, str):
        cluster = replace(cluster, files=_holders(hosts | beside), readers=_readers(hosts | beside))
    return {
        host: node if isinstance(node, Unreachable) else replace(node, cluster=cluster)
        for host, node in hosts.items()
    }


def _holders(nodes: Collected) -> dict[str, tuple[str, ...]]:
    """Return which hosts have each file that an option of a control plane names."""
    found: dict[str, tuple[str, ...]] = {}
    for host, node in sorted(nodes.items()):
        try:
            files = static_pods(node).files if isinstance(node, NodeFacts) else {}
        except Unknown:
            continue  # it runs none, or can't tell
        for path, file in files.items():
            if file.exists:
                found[path] = (*found.get(path, ()), host)
    return found


def _readers(nodes: Collected) -> dict[str, tuple[str, ...]]:
    """Return what each control plane can read of stored secrets, by the names of its keys."""
    found: dict[str, tuple[str, ...]] = {}
    for host, node in sorted(nodes.items()):
        if isinstance(node, NodeFacts):
            with suppress(Unknown, CannotRemedy, NotMounted, EncryptionError):
                found[host] = readable(node)
    return found


def _told(node: NodeFacts) -> dict[str, Any] | str:
    try:
        return node.section("cluster")
    except Unknown as reason:
        return str(reason)


def _facts(one: dict[str, Any]) -> NodeFacts:
    return NodeFacts(one["host"], one["sections"], tuple(one["groups"]))


def _node(host: str, brought: Path | str, groups: tuple[str, ...]) -> NodeFacts | Unreachable:
    if isinstance(brought, str):
        return Unreachable(host, brought, groups)
    try:
        return _facts(rundir.read_facts(brought))
    except FactsError as error:
        return Unreachable(host, error.message, groups)
