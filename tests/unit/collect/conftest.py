# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import (
    collect_kubelet,
    command,
    kubeadm_render,
    kubelet_process,
)

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests"


@dataclass
class FakeNode:
    """A kubelet's files below a temporary directory, a systemctl that knows them, and a process."""

    root: Path
    pid: int = 0

    @property
    def unit(self) -> Path:
        return self.root / "kubelet.service"

    @property
    def drop_in(self) -> Path:
        return self.root / "kubelet.service.d/10-kubeadm.conf"

    def program(self, name: str, script: str) -> None:
        """Install a program that collector commands find."""
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def kubeadm(self, version: str = "v1.37.2", *, etcd: bool = True) -> None:
        """Install a kubeadm that renders the fixtures, and leaves how it was asked below the root."""
        copied = "etcd.yaml" if etcd else ""
        self.program(
            "kubeadm",
            f"""[ "$1" = version ] && echo {version} && exit
echo "$@" > {self.root}/$3.arguments
env > {self.root}/$3.environment
cat /dev/stdin > {self.root}/$3.given
cd {FIXTURES}/{version}
[ $3 = etcd ] && wanted="{copied}" || wanted="kube-*.yaml"
[ -z "$wanted" ] || cp $wanted "$KUBEADM_INIT_DRYRUN_DIR"
""",
        )

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def systemd_shows(self, **properties: object) -> None:
        values = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "MainPID": self.pid,
            "NRestarts": 3,
            "FragmentPath": self.unit,
            "DropInPaths": self.drop_in,
            "NeedDaemonReload": "no",
        } | properties
        lines = "\n".join(f"{name}={value}" for name, value in values.items())
        self.program("systemctl", f"cat <<'END'\n{lines}\nEND")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """A node with kubeadm's own unit and drop-in, whose kubelet does not run."""
    fake = FakeNode(tmp_path)
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path}/bin:/usr/bin:/bin"
    monkeypatch.setattr(command, "_ENVIRONMENT", {"PATH": path, "LC_ALL": "C"})
    monkeypatch.setattr(kubelet_process, "PATH", path)
    monkeypatch.setattr(collect_kubelet, "PATCHES_DIR", f"{tmp_path}/patches")
    monkeypatch.setattr(kubeadm_render, "PATH", f"{tmp_path}/bin")
    monkeypatch.setattr(kubeadm_render, "_MEMORY", str(tmp_path))
    monkeypatch.setattr(
        collect_kubelet, "_ALWAYS", (f"{tmp_path}/config.yaml", f"{tmp_path}/default_kubelet")
    )
    monkeypatch.setattr(collect_kubelet, "OUR_CONFIG_DIR", f"{tmp_path}/ours.conf.d")
    fake.write(fake.unit, "[Service]\nExecStart=/usr/bin/kubelet\n")
    fake.write(
        fake.drop_in,
        f'[Service]\nEnvironment="KUBELET_CONFIG_ARGS=--config={tmp_path}/config.yaml"\n'
        f"EnvironmentFile=-{tmp_path}/flags.env\nEnvironmentFile = {tmp_path}/absent.env\n",
    )
    fake.write(tmp_path / "flags.env", 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1"\n')
    fake.write(tmp_path / "config.yaml", "kind: KubeletConfiguration\n")
    fake.program("kubelet", "echo Kubernetes v1.37.2")
    fake.systemd_shows()
    return fake


@pytest.fixture
def running(node: FakeNode) -> Iterator[FakeNode]:
    """The same with a process whose command line is a kubelet's, with --config-dir."""
    script = "import time; time.sleep(60)"
    flags = [
        "--config-dir",
        f"{node.root}/conf.d",
        f"--config={node.root}/other.yaml",
        "--bootstrap-token=abc",
    ]
    with subprocess.Popen(["/usr/bin/kubelet", "-c", script, *flags], executable=sys.executable) as process:
        node.pid = process.pid
        node.systemd_shows()
        yield node
        process.kill()
