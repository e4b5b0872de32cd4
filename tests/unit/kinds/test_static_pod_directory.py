# SPDX-License-Identifier: Apache-2.0
"""The manifests directory: strays are found, explained by which file the kubelet takes, and taken away."""

from __future__ import annotations

from typing import Any

import pytest

from cksharden.catalog import load_controls
from cksharden.kinds.control_plane_spec import StaticPodDirectory
from cksharden.kinds.interface import CannotRemedy
from cksharden.kinds.static_pod_directory import StaticPodDirectoryKind
from cksharden.model import Judgement, Status

KIND = StaticPodDirectoryKind()
SPEC: StaticPodDirectory = next(
    one.spec for one in load_controls() if one.control.id == "static_pod_manifests"
)
DIRECTORY = "/etc/kubernetes/manifests"


def judged(**strays: Any) -> Judgement:
    return KIND.judge(SPEC, KIND.example(SPEC, {"strays": strays}))


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("kube-apiserver.yaml.bak", "the kubelet takes this one"),
        ("kube-apiserver.yaml~", "the kubelet takes this one"),
        ("a-copy.yaml", f"the kubelet takes {DIRECTORY}/kube-apiserver.yaml"),
    ],
)
def test_a_copy_is_named_with_the_file_that_the_kubelet_takes(name: str, taken: str) -> None:
    found = judged(**{name: "kube-apiserver"})
    assert found.status is Status.FAIL
    assert found.observed == [f"{DIRECTORY}/{name}"]
    assert found.reason.endswith(taken)


def test_a_copy_is_removed_as_the_restart_of_its_pod() -> None:
    facts = KIND.example(SPEC, {"strays": {"etcd.yaml.bak": "etcd", "miner.yaml": "miner"}})
    assert KIND.remedy(SPEC, facts) == [
        {
            "remove_manifest": f"{DIRECTORY}/etcd.yaml.bak",
            "pod": "kube-system/etcd",
            "touch": f"{DIRECTORY}/etcd.yaml",
        }
    ]


def test_a_pod_of_its_own_is_left_to_people() -> None:
    facts = KIND.example(SPEC, {"strays": {"miner.yaml": "miner"}})
    with pytest.raises(CannotRemedy, match="only its owner knows"):
        KIND.remedy(SPEC, facts)


def test_what_the_kubelet_ignores_is_no_stray() -> None:
    assert judged(**{".kube-apiserver.yaml.swp": "kube-apiserver"}).status is Status.PASS
    assert judged(**{"notes.txt": "kind: Nothing"}).status is Status.PASS


def test_what_can_not_be_read_is_unknown() -> None:
    found = judged(**{"kube-apiserver.yaml.tmp": "kind: [Pod"})
    assert found.status is Status.UNKNOWN
    assert "kube-apiserver.yaml.tmp" in found.reason


def test_a_profile_names_the_pods_of_a_team_and_nothing_else() -> None:
    KIND.check_parameters(SPEC, {"pods": ["registry"]})
    with pytest.raises(ValueError, match="components"):
        KIND.check_parameters(SPEC, {"components": []})
