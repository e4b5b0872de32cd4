# SPDX-License-Identifier: Apache-2.0
"""The role has changed one control plane, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "cp2")
CHANGED = "cp1"
FILE = "/etc/kubernetes/cksharden/authentication.yaml"
OPTIONS = {
    "kube-apiserver": {
        f"--authentication-config={FILE}",
        "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs",
        "--profiling=false",
    },
    "kube-scheduler": {"--profiling=false"},
}


@pytest.fixture
def is_changed(host: Any) -> bool:
    return bool(host.backend.get_hostname() == CHANGED)


def test_strangers_are_told_of_its_health_alone(is_changed: bool, anonymous: list[int]) -> None:
    assert anonymous == ([200, 401, 401] if is_changed else [200, 200, 200])


def test_nobody_gets_profiles(is_changed: bool, serves_profiles: bool) -> None:
    assert serves_profiles is not is_changed


def test_the_processes_have_the_options(is_changed: bool, words: Callable[[str], list[str]]) -> None:
    for component, options in OPTIONS.items():
        assert (options <= set(words(component))) is is_changed


def test_root_alone_reads_the_file(is_changed: bool, host: Any) -> None:
    file = host.file(FILE)
    assert file.exists is is_changed
    if is_changed:
        assert (file.user, file.mode, host.file("/etc/kubernetes/cksharden").mode) == ("root", 0o600, 0o700)


def test_nothing_lies_beside_the_manifests(host: Any) -> None:
    names = [
        f"{name}.yaml" for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ]
    assert sorted(host.file("/etc/kubernetes/manifests").listdir()) == names


def test_the_agent_is_gone(host: Any) -> None:
    assert not host.service("cksharden-agent").exists
