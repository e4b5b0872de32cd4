# SPDX-License-Identifier: Apache-2.0
"""What a change needs goes away: the kubelet, or room on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.static_pods import NODE

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("well_control_plane")]


@pytest.mark.faults
def test_the_kubelet_is_stopped_before(tmp_path: Path) -> None:
    with static_pods.as_before():
        with static_pods.held("begin", tmp_path) as run:
            testing.run(NODE, "systemctl stop kubelet")
        run.wait()
        testing.run(NODE, "systemctl start kubelet")
        static_pods.assert_refused(run, "kubelet.service does not run")
    testing.wait_ready(NODE)


@pytest.mark.faults
def test_the_kubelet_is_stopped_in_the_middle(tmp_path: Path) -> None:
    """The way back starts it again by itself."""
    with static_pods.as_before():
        with static_pods.held("gating", tmp_path) as run:
            testing.run(NODE, "systemctl stop kubelet")
        static_pods.assert_put_back(run, "kubelet.service does not run")
    testing.wait_ready(NODE)


@contextmanager
def small_etc_kubernetes() -> Iterator[None]:
    """Have a node keep /etc/kubernetes on a filesystem of its own, of 8 MiB."""
    place = "/etc/kubernetes"
    testing.run(
        NODE,
        f"""
        set -e
        systemctl stop kubelet
        mkdir -p /run/small && mount -t tmpfs -o size=8m,mode=0755 tmpfs /run/small
        cp -a {place}/. /run/small/ && mount --bind /run/small {place}
        systemctl start kubelet
        """,
    )
    faults.wait(static_pods.well, 120, "the control plane is not well")
    try:
        yield
    finally:
        testing.run(
            NODE,
            f"systemctl stop kubelet; umount -l {place}; umount -l /run/small; systemctl start kubelet",
        )
        testing.wait_ready(NODE)


@pytest.mark.faults
@pytest.mark.parametrize("step", ["begin", "backed_up", "swapping"])
def test_the_disk_of_etc_kubernetes_is_full(step: str, tmp_path: Path) -> None:
    """Before anything is staged nothing begins, and the way back needs no room."""
    with small_etc_kubernetes(), static_pods.as_before():
        unknown = static_pods.refused(tmp_path, "scheduler_tls_min_version")
        with static_pods.held(step, tmp_path, unknown) as run:
            testing.run(NODE, "cat /dev/zero > /etc/kubernetes/filler", check=False)
        ended = run.wait()
        assert ended.code == 3, ended.out
        closed = static_pods.settled(run.run)
        testing.run(NODE, "rm /etc/kubernetes/filler")
        expected = {"begin": "refused", "backed_up": "abandoned", "swapping": "restored"}
        assert closed["outcome"] == expected[step], closed
        told = {"begin": "no room", "backed_up": "No space left", "swapping": "VersionTLS99"}
        assert told[step] in ended.out
