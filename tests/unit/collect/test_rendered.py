# SPDX-License-Identifier: Apache-2.0
"""The section `rendered`: what a node gives to its kubeadm, and when it says why there is nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import collect_rendered
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeadm_render import RenderError
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import ApiError
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from tests.unit.collect.conftest import FIXTURES, FakeNode
from tests.unit.collect.test_kubeadm_render import CONFIGURATION
from tests.unit.node.api_server import ApiServer, api_server

PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
REQUEST = check_request({"schema": "1.1", "cluster": True, "patches_dir": ""})


@pytest.fixture
def server(tmp_path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """The API server of a control plane whose kubeadm renders the fixtures."""
    node.kubeadm()
    directory = tmp_path / "server"
    directory.mkdir()
    with api_server(directory) as running:
        monkeypatch.setattr(collect_rendered, "ADMIN", running.kubeconfig())
        monkeypatch.setattr(collect_rendered, "MANIFEST", running.manifest())
        configure(running, CONFIGURATION)
        yield running


def configure(server: ApiServer, configuration: str) -> None:
    data = {"ClusterConfiguration": configuration}
    server.objects[PATH] = {"metadata": {"resourceVersion": "7"}, "data": data}


def collect(node: FakeNode, version: str | None = "v1.37.2", **request: Any) -> dict[str, Any]:
    kubeadm = {"path": f"{node.root}/bin/kubeadm", "version": version}
    return collect_rendered.collect(REQUEST | request, kubeadm, "cp1")


def test_the_manifests_of_the_next_upgrade(node: FakeNode, server: ApiServer) -> None:
    found = collect(node)
    assert (found["kubernetes_version"], found["resource_version"]) == ("v1.37.2", "7")
    for path in (FIXTURES / "v1.37.2").glob("*.yaml"):
        rendered = found["manifests"][path.stem]
        assert (rendered["text"], rendered["redacted"]) == (path.read_text(), False)
        assert rendered["digest"].startswith("sha256:")
    own = json.loads((node.root / "etcd.given").read_text().split("\n---\n")[1])
    assert own["localAPIEndpoint"] == {"advertiseAddress": "10.0.0.11", "bindPort": 6443}
    assert own["nodeRegistration"]["name"] == "cp1"
    assert [call.path for call in server.calls] == [PATH]


def test_the_configuration_is_given_as_it_is_and_told_without_secrets(
    node: FakeNode, server: ApiServer
) -> None:
    secret = "  extraEnvs:\n  - name: HTTPS_PROXY\n    value: http://me:hunter2@proxy\n"
    configure(server, f"{CONFIGURATION}apiServer:\n{secret}")
    node.program("kubeadm", 'cat /dev/stdin > $KUBEADM_INIT_DRYRUN_DIR/etcd.yaml; [ "$3" = etcd ] || exit 0')
    etcd = collect(node)["manifests"]["etcd"]
    assert "http://[redacted]@proxy" in etcd["text"]
    assert (etcd["redacted"], etcd["digest"]) == (True, None)


@pytest.mark.parametrize(
    ("endpoint", "address", "port"),
    [
        ("10.0.0.11:6443", "10.0.0.11", 6443),
        ("'[fd00::11]:7443'", "fd00::11", 7443),
        ('"192.0.2.1:443"', "192.0.2.1", 443),
    ],
)
def test_the_endpoint_of_the_node(
    node: FakeNode, server: ApiServer, endpoint: str, address: str, port: int
) -> None:
    manifest = Path(server.directory, "kube-apiserver.yaml")
    manifest.write_text(manifest.read_text().replace("10.0.0.11:6443", endpoint))
    collect(node)
    own = json.loads((node.root / "etcd.given").read_text().split("\n---\n")[1])
    assert own["localAPIEndpoint"] == {"advertiseAddress": address, "bindPort": port}


def test_why_there_is_nothing(node: FakeNode, server: ApiServer) -> None:
    with pytest.raises(RenderError, match="the node has no kubeadm"):
        collect_rendered.collect(REQUEST, None, "cp1")
    for version, told in (("v1.36.3", "kubeadm is v1.36.3"), (None, "kubeadm is of no known version")):
        with pytest.raises(RenderError, match=told):
            collect(node, version)
    collect(node, "v1.37.0")
    manifest = Path(server.directory, "kube-apiserver.yaml")
    manifest.write_text(manifest.read_text().replace("advertise-address.endpoint", "other"))
    with pytest.raises(RenderError, match="does not name the node's own endpoint"):
        collect(node)


def test_there_is_no_configuration(node: FakeNode, server: ApiServer) -> None:
    server.objects.clear()
    with pytest.raises(ApiError, match="answered with 403"):
        collect(node)
    server.objects[PATH] = {"metadata": {"resourceVersion": "7"}, "data": {}}
    with pytest.raises(RenderError, match="holds no ClusterConfiguration"):
        collect(node)


def test_patches(node: FakeNode, server: ApiServer) -> None:
    assert server.url
    there = node.root / "patches"
    collect(node, patches_dir=None)
    node.write(there / "kubeletconfiguration.yaml", "a: 1")
    collect(node, patches_dir=None)
    assert "patches" not in (node.root / "etcd.given").read_text()
    node.write(there / "kube-apiserver0+merge.yaml", "a: 1")
    with pytest.raises(
        RenderError, match=r"may or may not be given \S+/kube-apiserver0\+merge.yaml: name their"
    ):
        collect(node, patches_dir=None)
    collect(node, patches_dir="")
    assert "patches" not in (node.root / "etcd.given").read_text()
    collect(node, patches_dir=str(there))
    assert json.loads((node.root / "etcd.given").read_text().split("\n---\n")[1])["patches"] == {
        "directory": str(there)
    }
