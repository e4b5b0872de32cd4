# SPDX-License-Identifier: Apache-2.0
"""Recorded facts, and those of control planes beside them, become hosts in a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cksharden import gather
from cksharden.cli.progress import Progress
from cksharden.cluster import Cluster
from cksharden.facts import Collected, NodeFacts
from cksharden.order import Order
from cksharden.policy import Selection
from cksharden.runner import Connection
from tests.unit.stages.test_cluster import told


def section(data: dict[str, Any] | None, status: str = "ok", schema: str = "1.0") -> dict[str, Any]:
    return {"schema": schema, "status": status, "reason": "timed out", "data": data}


def record(directory: Path, host: str, sections: dict[str, Any], *groups: str) -> None:
    directory.mkdir(exist_ok=True)
    facts = {"format": "cksharden-facts", "schema": "1.1", "host": host, "groups": groups}
    (directory / f"{host}.json").write_text(json.dumps({**facts, "sections": sections}))


def read_back(directory: Path) -> Collected:
    order = Order("check", directory, Connection(), facts=directory)
    return gather.facts(order, Selection("p", ()), directory, Progress(quiet=True), "collect")


def cluster_of(facts: Collected, host: str = "w1") -> Cluster | str:
    node = facts[host]
    assert isinstance(node, NodeFacts)
    return node.cluster


def test_control_planes_tell_wherever_they_lie(tmp_path: Path) -> None:
    record(tmp_path, "w1", {}, "kube_node")
    record(tmp_path, "cp1", {"cluster": section(None, "error")}, "kube_control_plane")
    beside = tmp_path / "beside"
    record(beside, "cp2", {"cluster": section(told("w1"), schema="2.0")}, "kube_control_plane")
    record(beside, "cp3", {"cluster": section(told("w1"))}, "kube_control_plane")
    record(beside, "cp4", {}, "kube_control_plane")
    facts = read_back(tmp_path)
    assert set(facts) == {"w1", "cp1"}
    cluster = cluster_of(facts)
    assert isinstance(cluster, Cluster)
    assert cluster.source == "cp3"
    assert cluster.notes == (
        "cp1 tells nothing of the cluster: cluster: timed out",
        "cp2 tells nothing of the cluster: the section 'cluster' of the facts has schema '2.0', not 1.x",
        "cp4 tells nothing of the cluster: it has no API server in /etc/kubernetes/manifests",
    )
    assert cluster_of(facts, "cp1") is cluster


def test_facts_from_before_there_were_cluster_facts_are_read(tmp_path: Path) -> None:
    record(tmp_path, "w1", {})
    old = json.loads((tmp_path / "w1.json").read_text()) | {"schema": "1.0"}
    del old["groups"]
    (tmp_path / "w1.json").write_text(json.dumps(old))
    assert cluster_of(read_back(tmp_path)) == "no control plane told of the cluster (none was asked)"


def test_it_is_known_who_has_which_file_that_a_control_plane_names(tmp_path: Path) -> None:
    def pods(*there: str) -> dict[str, Any]:
        files = {path: {"path": path, "exists": path in there} for path in ("/a", "/b")}
        return section({"directory": "/d", "entries": [], "processes": {}, "files": files})

    cluster = {"cluster": section(told("cp1"))}
    record(tmp_path, "cp1", {**cluster, "static_pods": pods("/a", "/b")}, "kube_control_plane")
    record(tmp_path / "beside", "cp2", {**cluster, "static_pods": pods("/a")}, "kube_control_plane")
    record(tmp_path / "beside", "cp3", {**cluster, "static_pods": section({})}, "kube_control_plane")
    found = cluster_of(read_back(tmp_path), "cp1")
    assert isinstance(found, Cluster)
    assert found.files == {"/a": ("cp1", "cp2"), "/b": ("cp1",)}
