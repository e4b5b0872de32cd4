# SPDX-License-Identifier: Apache-2.0
"""Bring the lab up: from nothing, from half a lab, or from one that a reboot stopped."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from lab.balancer import create_balancer
from lab.cache import cache_root, digest_files, key_of
from lab.cache import prune as prune_cache
from lab.cluster import form_cluster, served_version, wait_working
from lab.errors import LabError, RefusedError
from lab.gobuild import build_all, components
from lab.imagestore import image_store, sandbox_image
from lab.keys import ensure_keys
from lab.nodeimage import balancer_image, node_image
from lab.nodes import (
    Parts,
    create_network,
    create_node,
    for_each,
    remove_everything,
    start_stopped,
    wait_booted,
)
from lab.packages import ensure_packages
from lab.podman import remove_old_images
from lab.progress import say, step
from lab.state import State, check_free, exclusive, forget_state, read_state, write_state
from lab.topology import LOAD_BALANCER, TOPOLOGIES, cluster_nodes, control_planes

# The kinds of entries that can be made again.
BUILT = ("archives", "binaries", "go", "images", "rootfs")
KEPT_DAYS = 30
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
        wanted = State(topology, kubernetes, str(CHECKOUT), str(cache_root()), "building", recipe())
        if present is not None:
            ours = present.checkout == wanted.checkout
            if (fresh and ours) or (replace_other and not present.is_same_lab(wanted)):
                say(f"         replacing the lab that is here: {present.describe()}")
                _remove(present)
                present = None
        check_free(present, wanted)
        ensure_packages()
        if present is None or present.phase == "building" or not _revive(present):
            _make(wanted)
        elif present.recipe != wanted.recipe:
            say("         its recipe has changed since it was made; `up --fresh` makes it anew")
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


def prune() -> None:
    """Remove what is cached and was not used for a month; what a node runs on now stays."""
    require_root()
    with exclusive():
        removed = [*prune_cache(BUILT, KEPT_DAYS), *remove_old_images(KEPT_DAYS)]
    say("\n".join(["removed:", *removed]) if removed else f"everything was used within {KEPT_DAYS} days")


def recipe() -> str:
    """Return a digest of everything in the checkout that a lab is made by."""
    folder = CHECKOUT / "molecule/shared"
    sources = (path for kind in ("gobuild", "lab", "node") for path in (folder / kind).rglob("*"))
    files = {str(path.relative_to(folder)): path for path in sources if path.is_file()}
    return key_of(digest_files({name: path for name, path in files.items() if "__pycache__" not in name}))


def _remove(present: State) -> None:
    remove_everything(Path(present.cache) / "nodes")
    forget_state()


def _revive(present: State) -> bool:
    """Bring back a lab that was whole once; False where only a new one is what was asked for."""
    try:
        with step("start and check the nodes that are here"):
            started = start_stopped(TOPOLOGIES[present.topology])
            for_each(cluster_nodes(present.topology), wait_booted)
            wait_working(present.topology)
            served = served_version(present.topology)
            if served != present.kubernetes:
                raise LabError(f"it was upgraded to Kubernetes {served}")
    except LabError as error:
        say(f"         the lab that is here will not do, a new one is made: {error}")
        return False
    if started:
        say(f"         started again: {', '.join(started)}")
    return True


def _make(wanted: State) -> None:
    topology, kubernetes = wanted.topology, wanted.kubernetes
    # What takes long comes first and belongs to no lab: killed here, there is nothing to remove.
    binaries = build_all(kubernetes)
    image = node_image(binaries)
    store = image_store(kubernetes, binaries, image)
    sandbox = sandbox_image(kubernetes, binaries)
    keys = ensure_keys()
    balancer = balancer_image() if LOAD_BALANCER in TOPOLOGIES[topology] else ""
    left = read_state()
    if left is not None:
        with step("remove what is left of the lab before"):
            _remove(left)
    write_state(wanted)
    folder = Path(wanted.cache) / "nodes"
    nodes = cluster_nodes(topology)
    with step(f"start {', '.join(node.name for node in TOPOLOGIES[topology])}"):
        network = create_network()
        parts = Parts(image, network, store, sandbox, keys)
        if balancer:
            create_balancer(LOAD_BALANCER, balancer, network, control_planes(topology))
        for_each(nodes, lambda node: create_node(node, parts, folder))
        for_each(nodes, wait_booted)
    form_cluster(topology, kubernetes)
    with step("every node is Ready, CoreDNS runs, each node reaches a Service"):
        wait_working(topology)
    write_state(replace(wanted, phase="ready"))
