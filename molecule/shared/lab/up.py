# SPDX-License-Identifier: Apache-2.0
"""Bring the lab up: from nothing, from half a lab, or from one that a reboot stopped."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from lab.balancer import create_balancer
from lab.cache import cache_root
from lab.cluster import form_cluster, wait_working
from lab.errors import LabError, RefusedError
from lab.gobuild import build_all, components
from lab.imagestore import image_store, sandbox_image
from lab.keys import ensure_keys
from lab.nodeimage import balancer_image, node_image
from lab.nodes import Parts, create_node, ensure_network, for_each, remove_everything, start_stopped, wait_booted
from lab.packages import ensure_packages
from lab.progress import say, step
from lab.state import State, check_free, exclusive, forget_state, read_state, write_state
from lab.topology import LOAD_BALANCER, TOPOLOGIES, cluster_nodes, control_planes

CHECKOUT = Path(__file__).resolve().parents[3]


def require_root() -> None:
    """Refuse anyone else: nodes that run systemd and containers need root's podman."""
    if os.geteuid() != 0:
        raise RefusedError("the lab needs root: its nodes are privileged containers")


def up(topology: str, kubernetes: str, *, fresh: bool, replace_other: bool) -> None:
    """Bring up the lab that was asked for and return when it works.

    Args:
        fresh: Remove this checkout's lab first, whatever its state.
        replace_other: Remove a lab of another topology, version or checkout instead of refusing.
    """
    started = time.monotonic()
    components(kubernetes)  # refuses an unknown version before anything is done
    require_root()
    with exclusive():
        present = read_state()
        ours = present is not None and present.checkout == str(CHECKOUT)
        if present is not None and ((fresh and ours) or (replace_other and _differs(present, topology, kubernetes))):
            say(f"         replacing the lab that is here: {present.describe()}")
            _remove(present)
            present = None
        check_free(present, topology, kubernetes, str(CHECKOUT))
        ensure_packages()
        if present is None or present.phase == "building" or not _revive(present):
            _make(topology, kubernetes)
    say(f"{time.monotonic() - started:7.1f} s in all: the lab is up ({topology}, Kubernetes {kubernetes})")


def down() -> None:
    """Remove the lab of this machine, whoever made it; the caches stay."""
    require_root()
    with exclusive():
        present = read_state()
        if present is None:
            say("there is no lab on this machine")
            return
        with step(f"remove the lab ({present.describe()})"):
            _remove(present)


def _differs(present: State, topology: str, kubernetes: str) -> bool:
    return (present.topology, present.kubernetes, present.checkout) != (topology, kubernetes, str(CHECKOUT))


def _remove(present: State) -> None:
    remove_everything(Path(present.cache) / "nodes")
    forget_state()


def _revive(present: State) -> bool:
    """Bring back a lab that was whole once; False where only a new one helps."""
    try:
        with step("start and check the nodes that are here"):
            started = start_stopped(TOPOLOGIES[present.topology])
            for_each(cluster_nodes(present.topology), wait_booted)
            wait_working(present.topology)
    except LabError as error:
        say(f"         the lab that is here does not come back, a new one is made: {error}")
        return False
    if started:
        say(f"         started again: {', '.join(started)}")
    return True


def _make(topology: str, kubernetes: str) -> None:
    state = State(topology, kubernetes, str(CHECKOUT), str(cache_root()), "building")
    binaries = build_all(kubernetes)
    image = node_image(binaries)
    parts = Parts(image, image_store(kubernetes, binaries, image), sandbox_image(kubernetes, binaries), ensure_keys())
    balancer = balancer_image() if LOAD_BALANCER in TOPOLOGIES[topology] else ""
    left = read_state()
    if left is not None:
        with step("remove what is left of the lab before"):
            _remove(left)
    write_state(replace(state, recipe=image))
    folder = cache_root() / "nodes"
    nodes = cluster_nodes(topology)
    with step(f"start {', '.join(node.name for node in TOPOLOGIES[topology])}"):
        ensure_network()
        if balancer:
            create_balancer(LOAD_BALANCER, balancer, control_planes(topology))
        for_each(nodes, lambda node: create_node(node, parts, folder))
        for_each(nodes, wait_booted)
    form_cluster(topology, kubernetes)
    with step("every node is Ready, CoreDNS runs, each node reaches a Service"):
        wait_working(topology)
    write_state(replace(state, phase="ready", recipe=image))
