# SPDX-License-Identifier: Apache-2.0
"""Lay another Kubernetes version on the nodes, so that kubeadm can upgrade them without a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.errors import RefusedError
from lab.gobuild import build_all, components
from lab.images import image_names
from lab.imagestore import image_archives
from lab.nodeimage import PROGRAMS
from lab.nodes import for_each
from lab.podman import execute, podman
from lab.progress import step
from lab.state import exclusive, read_state
from lab.topology import Node, cluster_nodes

_CTR = ("ctr", "--namespace", "k8s.io", "images")


def offered(kubernetes: str) -> str:
    """Return the directory on every node where the programs of a version that was offered lie."""
    return f"/opt/kubernetes/{kubernetes}"


def offer(kubernetes: str) -> None:
    """Put the programs of a version beside those that the nodes use, and its images into their containerd.

    Nothing that runs changes: which program is replaced when is left to who upgrades.

    Raises:
        RefusedError: There is no such version, or no lab that is whole.
    """
    components(kubernetes)  # refuses an unknown version before anything is done
    with exclusive():
        state = read_state()
        if state is None or state.phase != "ready":
            raise RefusedError("there is no lab that a version could be offered to; `up` makes one")
        binaries = build_all(kubernetes)
        archives = image_archives(kubernetes, binaries)
        names = image_names(binaries["kubernetes"] / "kubeadm", kubernetes)
        nodes = cluster_nodes(state.topology)
        with step(f"offer Kubernetes {kubernetes} to {', '.join(node.name for node in nodes)}"):
            for_each(nodes, lambda node: _lay_programs(node, offered(kubernetes), binaries["kubernetes"]))
            for_each(nodes, lambda node: _import_images(node, names, archives))


def _lay_programs(node: Node, folder: str, binaries: Path) -> None:
    execute(node.name, ["mkdir", "--parents", folder])
    for program in PROGRAMS["kubernetes"]:
        podman("cp", str(binaries / program), f"{node.name}:{folder}/{program}")


def _import_images(node: Node, names: Mapping[str, str], archives: Path) -> None:
    have = execute(node.name, [*_CTR, "list", "--quiet"]).stdout.split()
    for short, name in names.items():
        if name not in have:
            archive = f"/root/{short}.tar"
            podman("cp", str(archives / f"{short}.tar"), f"{node.name}:{archive}")
            execute(node.name, [*_CTR, "import", archive])
            execute(node.name, ["rm", archive])
