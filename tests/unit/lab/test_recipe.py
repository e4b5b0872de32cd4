# SPDX-License-Identifier: Apache-2.0
"""What the lab is made from: pinned, complete, and in agreement with the inventories."""

from __future__ import annotations

import ipaddress
import json
import stat
from pathlib import Path

import pytest
import yaml
from lab.balancer import haproxy_config
from lab.errors import LabError
from lab.gobuild import DEFAULT_KUBERNETES, FOLDERS, VERSIONS, components, linker_flags
from lab.gotool import PYPI_GO, go_line, parse_go_version
from lab.kubeadm import Secrets, as_yaml, init_documents, join_documents
from lab.network import conflist, routes
from lab.nodeimage import node_entries
from lab.tarball import File, Folder
from lab.topology import (
    NODE_RANGE,
    POD_SUBNET,
    SUBNET,
    TOPOLOGIES,
    cluster_nodes,
    control_planes,
    endpoint,
)  # fmt: skip
from lab.up import CHECKOUT

MODULES = sorted(path.parent for path in FOLDERS.glob("*/go.mod"))


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_every_module_is_pinned_with_its_sums(folder: Path) -> None:
    requires = [line for line in (folder / "go.mod").read_text().splitlines() if line.startswith("require")]
    assert (folder / "go.sum").exists() == bool(requires)
    # Where no suitable Go is installed, the one from PyPI must do.
    assert go_line(folder / "go.mod") <= parse_go_version(PYPI_GO)


@pytest.mark.parametrize("kubernetes", VERSIONS)
def test_every_version_names_components_that_are_there(kubernetes: str) -> None:
    for name, version in components(kubernetes).items():
        assert (FOLDERS / (f"{name}-{version}" if version else name) / "go.mod").exists()


def test_default_version_is_the_newest_that_is_there() -> None:
    folders = {path.name.removeprefix("kubernetes-") for path in FOLDERS.glob("kubernetes-*")}
    assert set(VERSIONS) == folders
    assert max(VERSIONS, key=parse_go_version) == DEFAULT_KUBERNETES


def test_kubernetes_programs_are_stamped_with_their_version() -> None:
    flags = linker_flags("kubernetes", "1.37.2")
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X k8s.io/component-base/version.gitMinor=37" in flags
    assert linker_flags("pause", "") == "-s -w"


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.6", (1, 26, 6)), ("1.26", (1, 26, 0)), ("go1.27rc1", (1, 27, 0)), ("1.26.8 X:y", (1, 26, 8))],
)
def test_go_versions_are_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_go_version(text) == version


def test_what_is_no_go_version_is_an_error() -> None:
    with pytest.raises(LabError, match="devel"):
        parse_go_version("devel +abc")


def test_addresses_are_distinct_and_in_the_lab_s_subnet() -> None:
    nodes = {node for topology in TOPOLOGIES.values() for node in topology}
    assert len({node.address for node in nodes}) == len({node.name for node in nodes}) == len(nodes)
    for node in nodes:
        assert ipaddress.ip_address(node.address) in ipaddress.ip_network(NODE_RANGE)
    pods = ipaddress.IPv4Network(POD_SUBNET)
    assert pods.subnet_of(ipaddress.IPv4Network(SUBNET))
    assert not pods.overlaps(ipaddress.IPv4Network(NODE_RANGE))


@pytest.mark.parametrize(("inventory", "topology"), [("lab", "single"), ("lab-ha", "ha")])
def test_inventory_is_the_topology(inventory: str, topology: str) -> None:
    hosts = yaml.safe_load((CHECKOUT / "inventories" / inventory / "hosts.yml").read_text())["all"]
    nodes = cluster_nodes(topology)
    expected = {node.name: {"ansible_host": node.address} for node in nodes}
    assert hosts["hosts"] == expected
    planes = {node.name: None for node in control_planes(topology)}
    workers = {node.name: None for node in nodes if node.role == "worker"}
    assert hosts["children"] == {
        "kube_control_plane": {"hosts": planes},
        "etcd": {"hosts": planes},
        "kube_node": {"hosts": workers},
    }
    assert (CHECKOUT / "inventories" / inventory / "group_vars" / "all.yml").exists()


def test_only_several_control_planes_have_an_endpoint_of_their_own() -> None:
    assert endpoint("single") is None
    assert endpoint("ha") == "10.213.0.10:6443"


def test_balancer_asks_each_control_plane_whether_it_is_ready() -> None:
    text = haproxy_config(control_planes("ha"))
    assert "option httpchk GET /readyz" in text
    for node in control_planes("ha"):
        assert f"server {node.name} {node.address}:6443 check check-ssl" in text


def test_routes_lead_to_the_other_nodes_alone() -> None:
    ranges = {"cp1": "10.213.128.0/24", "w1": "10.213.129.0/24"}
    assert routes("w1", ranges, cluster_nodes("single")) == "route replace 10.213.128.0/24 via 10.213.0.11\n"
    network = json.loads(conflist("10.213.129.0/24"))
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.213.129.0/24"}]]


def test_kubeadm_gets_its_own_defaults_and_what_the_host_forces() -> None:
    drawn = Secrets.fresh()
    node = control_planes("ha")[0]
    documents = {document["kind"]: document for document in init_documents(node, "1.37.2", None, drawn)}
    # Every key is listed, so that one which softens or hardens the cluster has to be added here.
    assert documents["ClusterConfiguration"] == {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.37.2",
        "networking": {"podSubnet": POD_SUBNET},
    }
    kubelet = documents["KubeletConfiguration"]
    assert kubelet["imageGCHighThresholdPercent"] == 100  # never collected
    assert set(kubelet) <= {
        "apiVersion",
        "kind",
        "imageGCHighThresholdPercent",
        "failCgroupV1",
        "failSwapOn",
    }
    assert documents["KubeProxyConfiguration"]["conntrack"] == {"maxPerCore": 0}
    init = documents["InitConfiguration"]
    registration = init["nodeRegistration"]
    assert isinstance(registration, dict)
    assert set(registration) == {"name", "imagePullPolicy", "ignorePreflightErrors"}
    assert set(registration["ignorePreflightErrors"]) <= {"SystemVerification", "Swap"}


def test_secrets_are_drawn_anew_and_have_kubeadm_s_forms() -> None:
    one, two = Secrets.fresh(), Secrets.fresh()
    assert one != two
    assert [len(part) for part in one.token.split(".")] == [6, 16]
    assert len(one.certificate_key) == 64


def test_workers_join_without_the_key_of_the_control_plane() -> None:
    *_, worker = cluster_nodes("ha")
    (join,) = join_documents(worker, "10.213.0.10:6443", "sha256:0", Secrets.fresh())
    assert "controlPlane" not in join
    (stream,) = list(yaml.safe_load_all(as_yaml([join])))
    assert stream == join


def test_node_has_every_file_of_the_packages_with_its_mode(tmp_path: Path) -> None:
    (tmp_path / "bridge").write_text("x")
    entries = {entry.path: entry for entry in node_entries(dict.fromkeys(
        ["kubernetes", "containerd", "cri-tools", "cni-plugins"], tmp_path))}  # fmt: skip
    for path in (
        "/usr/lib/systemd/system/kubelet.service",
        "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "/etc/default/kubelet",
        "/var/lib/kubelet/.kubelet-keep",
    ):
        entry = entries[path]
        assert isinstance(entry, File)
        assert entry.mode == 0o644
    kubelet_folder = entries["/var/lib/kubelet"]
    assert isinstance(kubelet_folder, Folder)
    assert kubelet_folder.mode == 0o755
    drop_in = CHECKOUT / "molecule/shared/node" / "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
    assert "EnvironmentFile=-/etc/default/kubelet\n" in drop_in.read_text()
    assert not drop_in.stat().st_mode & stat.S_IXUSR
