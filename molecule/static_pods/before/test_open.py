# SPDX-License-Identifier: Apache-2.0
"""A control plane as kubeadm leaves it: after refusals and a check, and again when the run was taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "cp2")


def test_strangers_are_answered(anonymous: list[int]) -> None:
    assert anonymous == [200, 200, 200]


def test_the_administrator_gets_profiles(serves_profiles: bool) -> None:
    assert serves_profiles


def test_no_process_has_an_option_of_ours(words: Callable[[str], list[str]]) -> None:
    assert "--enable-admission-plugins=NodeRestriction" in words("kube-apiserver")
    for component in ("kube-apiserver", "kube-scheduler"):
        ours = ("--profiling", "--authentication-config")
        assert [word for word in words(component) if word.startswith(ours)] == []


def test_nothing_of_the_run_is_left(host: Any) -> None:
    assert not host.file("/etc/kubernetes/cksharden").exists
    assert not host.service("cksharden-agent").exists
