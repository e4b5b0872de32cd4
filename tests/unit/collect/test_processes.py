# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import processes
from ansible_collections.cksharden.node.plugins.module_utils.node.processes import in_pods, look_at, pod_of

CONTAINER = "0123456789abcdef" * 4
STATIC = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("cgroup", "uid"),
    [
        (
            f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{{}}.scope",
            STATIC,
        ),
        (f"0::/kubepods/burstable/pod{STATIC}/{{}}\n", STATIC),
        (f"0::/../../kubepods/pod{STATIC}/{{}}/init\n", STATIC),
        (f"12:pids:/user\n3:cpu:/kubepods/besteffort/pod{STATIC}/{{}}\n", STATIC),
        (
            f"0::/system.slice/containerd.service/kubepods-burstable-pod{STATIC}.slice:cri-containerd:{{}}",
            STATIC,
        ),
        (
            "0::/kubepods.slice/kubepods-pod1b4e28ba_2fa1_11d2_883f_0016d3cca427.slice/crio-{}.scope",
            "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        ),
    ],
)
def test_the_pod_of_a_process(cgroup: str, uid: str) -> None:
    assert pod_of(cgroup.format(CONTAINER)) == (uid, CONTAINER)


@pytest.mark.parametrize("cgroup", ["0::/system.slice/etcd.service\n", "0::/\n", f"0::/docker/{CONTAINER}\n"])
def test_no_pod(cgroup: str) -> None:
    assert pod_of(cgroup) is None


def test_this_process() -> None:
    found = look_at(os.getpid())
    assert found is not None
    assert found["pid"] == os.getpid()
    assert time.time() - 7200 < found["started"] < time.time()
    assert look_at(0) is None
    assert look_at(1 << 22) is None


def test_a_process_in_a_pod_is_told_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_POD", re.compile("()()"))  # whatever this machine is in counts as one
    words = [
        "/usr/local/bin/cksharden-etcd",
        "-c",
        "import time; time.sleep(60)",
        "--token=t0ken-of-somebody",
    ]
    with subprocess.Popen(words, executable=sys.executable) as process:
        # Popen returns when the new program is chosen, which is before its command line can be read.
        while words[-1] not in command_line(process.pid):
            time.sleep(0.01)
        found = in_pods(["cksharden-etcd", "other"])
        process.kill()
    assert found["other"] == []
    (one,) = found["cksharden-etcd"]
    assert (one["pid"], one["pod_uid"], one["container_id"]) == (process.pid, "", "")
    assert one["argv"] == [*words[:3], "--token=[redacted]"]


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")


def test_a_program_outside_of_pods_is_none_of_them() -> None:
    own = look_at(os.getpid())
    assert own is not None
    name = os.path.basename(own["argv"][0])
    assert in_pods([name]) == {name: []}
