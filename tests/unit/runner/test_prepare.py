# SPDX-License-Identifier: Apache-2.0
"""`prepare` with real Ansible: each machine is a mount namespace of this one, and a file holds a key."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cksharden.errors import IncompleteError
from cksharden.prepare import Prepare, preview
from cksharden.rundir import RunDir
from cksharden.runner import Connection
from cksharden.transactions import Preparation
from tests.unit.node.api_server import api_server
from tests.unit.node.fake_leases import FakeLeases
from tests.unit.runner.conftest import Site
from tests.unit.runner.test_lock import RUN, Cluster

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts file systems for its nodes"
)

KEY = "c2VjcmV0LW9mLXRoZS1jbHVzdGVyLTAxMjM0NTY3"
OURS = "/etc/kubernetes/cksharden"
ENCRYPTION = f"providers: [{{secretbox: {{keys: [{{name: key1, secret: {KEY}}}]}}}}]\n"
CONFIG = f"""apiVersion: kubeadm.k8s.io/v1beta4
apiServer:
  extraArgs:
  - {{name: encryption-provider-config, value: {OURS}/encryption.yaml}}
  - {{name: admission-control-config-file, value: {OURS}/admission.yaml}}
  - {{name: etcd-cafile, value: /etc/kubernetes/pki/etcd/ca.crt}}
  extraVolumes:
  - {{name: cksharden-config, hostPath: {OURS}, mountPath: {OURS}, pathType: DirectoryOrCreate}}
"""
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this machine has in memory."""
    path = tmp_path / "memory"
    path.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    return path


@pytest.fixture
def cluster(site: Site, tmp_path: Path, memory: Path) -> Iterator[Cluster]:
    """Control planes cp1, whose API server does not answer, and cp2, and the machine cp3."""
    del memory
    directory = tmp_path / "pki"
    directory.mkdir()
    with api_server(directory) as server:
        server.objects[CONFIG_MAP] = {
            "metadata": {"resourceVersion": "7"},
            "data": {"ClusterConfiguration": CONFIG},
        }
        made = Cluster(site, server, FakeLeases())
        planes = {"cp1": made.add("cp1"), "cp2": made.add("cp2", plane=True), "cp3": made.add("cp3")}
        made.inventory(planes, {})
        write(made, "cp2", "encryption.yaml", ENCRYPTION)
        write(made, "cp2", "admission.yaml", "plugins: [{name: EventRateLimit, path: limits.yaml}]\n")
        write(made, "cp2", "limits.yaml", "limits: []\n")
        write(made, "cp2", "of-no-concern.yaml", "a: 1\n")
        yield made


def write(cluster: Cluster, host: str, name: str, text: str) -> None:
    path = cluster.site.root / host / OURS[1:] / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def prepared(cluster: Cluster) -> Preparation:
    run = RunDir(cluster.site.root / RUN)
    run.path.mkdir()
    (found,) = preview(Prepare(run, cluster.site.inventory, Connection(), "cp3")).hosts
    return found


def statuses(found: Preparation) -> dict[str, Any]:
    return {file.path: file.status for file in found.files}


def test_what_kubeadm_config_names_comes_from_a_control_plane_that_answers(cluster: Cluster) -> None:
    found = prepared(cluster)
    assert (found.host, found.source) == ("cp3", "cp2")
    assert statuses(found) == {
        "/etc/kubernetes": "as_there",
        OURS: "create",
        f"{OURS}/admission.yaml": "create",
        f"{OURS}/encryption.yaml": "create",
        f"{OURS}/limits.yaml": "create",
    }
    assert found.files[-1].after.mode == "0600"


def test_another_file_is_replaced_and_on_a_control_plane_it_is_a_conflict(cluster: Cluster) -> None:
    write(cluster, "cp3", "encryption.yaml", "providers: [{identity: {}}]\n")
    assert statuses(prepared(cluster))[f"{OURS}/encryption.yaml"] == "replace"
    manifests = cluster.site.root / "cp3/etc/kubernetes/manifests"
    shutil.copy(cluster.server.manifest(), manifests / "kube-apiserver.yaml")
    shutil.rmtree(cluster.site.root / RUN)
    assert statuses(prepared(cluster))[f"{OURS}/encryption.yaml"] == "conflict"


def test_the_key_is_in_nothing_that_is_kept_shown_or_left(
    cluster: Cluster, memory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = prepared(cluster)
    assert KEY not in str(found) + "".join(capfd.readouterr())
    kept = [path for path in cluster.site.root.rglob("*") if path.is_file() and "cp2" not in path.parts]
    assert cluster.site.log in kept
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
    assert list(memory.iterdir()) == []


def test_a_control_plane_that_lacks_what_an_option_names_is_no_source(cluster: Cluster) -> None:
    (cluster.site.root / "cp2" / OURS[1:] / "encryption.yaml").unlink()
    with pytest.raises(IncompleteError, match=f"no control plane told .*cp1: .*; cp2: it has no {OURS}/enc"):
        prepared(cluster)
