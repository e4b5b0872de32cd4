# SPDX-License-Identifier: Apache-2.0
"""What several control planes say of one cluster, and which of it counts."""

from __future__ import annotations

from typing import Any

import pytest

from cksharden.cluster import Cluster, assemble

KUBELET = "kind: KubeletConfiguration\n"


def told(*nodes: str, kubelet: str | None = KUBELET, **changes: Any) -> dict[str, Any]:
    """A section `cluster`; a node is "name" or "name=uid"."""
    data: dict[str, Any] = {
        "server": "https://127.0.0.1:6443",
        "kubelet_config": None if kubelet is None else {"resource_version": "1", "text": kubelet},
        "kubeadm_config": {"resource_version": "1", "text": "kind: ClusterConfiguration\n"},
        "nodes": [
            {
                "name": name,
                "uid": uid or f"uid-{name}",
                "ready": True,
                "control_plane": name.startswith("cp"),
            }
            for name, _equals, uid in (node.partition("=") for node in nodes)
        ],
        "static_pods": [],
        "configz": {node.partition("=")[0]: {"error": "timed out"} for node in nodes},
        "lease": None,
    }
    return data | changes


def whole(sections: dict[str, dict[str, Any] | str]) -> Cluster:
    cluster = assemble(sections)
    assert isinstance(cluster, Cluster)
    return cluster


def test_one_control_plane_is_enough() -> None:
    cluster = whole({"cp1": told("cp1", "w1", configz={"w1": {"config": {"a": 1}}, "cp1": {"error": "x"}})})
    assert cluster == Cluster(
        "cp1",
        frozenset({"cp1", "w1"}),
        KUBELET,
        "kind: ClusterConfiguration\n",
        {"w1": {"a": 1}},
        planes=frozenset({"cp1"}),
    )


def test_the_first_whole_answer_counts_and_silence_is_told() -> None:
    cluster = whole({"cp3": told("w1"), "cp2": told("w1", kubelet=KUBELET), "cp1": "timed out"})
    assert cluster.source == "cp2"
    assert cluster.disputed == {}
    assert cluster.notes == ("cp1 tells nothing of the cluster: timed out",)


def test_each_kubelet_counts_with_its_first_answer() -> None:
    one = told("w1", "w2", configz={"w1": {"config": {"n": 1}}, "w2": {"error": "timed out"}})
    two = told("w1", "w2", configz={"w1": {"config": {"n": 2}}, "w2": {"config": {"n": 2}}})
    assert whole({"cp1": one, "cp2": two}).configz == {"w1": {"n": 1}, "w2": {"n": 2}}


@pytest.mark.parametrize(
    ("other", "part", "note"),
    [
        (told("w1", kubelet="other\n"), "kubelet-config", "cp1 and cp2 disagree about kubelet-config"),
        (told("w1", kubelet=None), "kubelet-config", "cp1 and cp2 disagree about kubelet-config"),
        (told("w1", kubeadm_config=None), "kubeadm-config", "cp1 and cp2 disagree about kubeadm-config"),
        (told("w1=other"), "node w1", "cp1 and cp2 disagree about node w1"),
    ],
)
def test_disagreement_is_told(other: dict[str, Any], part: str, note: str) -> None:
    cluster = whole({"cp1": told("w1"), "cp2": other})
    assert cluster.disputed == {part: note}
    assert cluster.notes == (f"{note}; what cp1 says counts",)


def test_lists_of_nodes_that_differ_are_told() -> None:
    cluster = whole({"cp1": told("w1", "w2"), "cp2": told("w1")})
    assert cluster.notes == ("cp2 knows no node w2, others do",)
    assert cluster.disputed == {}


def test_who_holds_the_lock_is_told_once() -> None:
    holder = {"run": "r", "host": "desk2", "pid": 77, "since": "2026-11-23T13:20:00Z", "boot": "b"}
    cluster = whole({name: told("w1", lease={"holder": holder}) for name in ("cp1", "cp2")})
    (note,) = cluster.notes
    assert note.startswith(
        "run r on desk2 (PID 77, since 2026-11-23T13:20:00Z) holds the lock of this cluster"
    )


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({}, "no control plane told of the cluster (none was asked)"),
        ({"cp1": "timed out", "cp2": "refused"}, "(cp1: timed out; cp2: refused)"),
        ({"cp1": told("w1", nodes="w1")}, "is not as it should be: Expected `array`, got `str`"),
        ({"cp1": {}}, "missing required field `nodes`"),
        ({"cp1": told("w1", configz={"w1": 1})}, "Expected `object`, got `int`"),
    ],
)
def test_nothing_is_known(sections: dict[str, dict[str, Any] | str], reason: str) -> None:
    found = assemble(sections)
    assert isinstance(found, str)
    assert reason in found
