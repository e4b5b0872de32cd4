# SPDX-License-Identifier: Apache-2.0
"""How kubeadm is asked, by a program in its place; what kubeadm itself answers is in tests/fixtures/manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import kubeadm_render
from ansible_collections.cksharden.node.plugins.module_utils.node.command import CommandError
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeadm_render import Local, RenderError
from tests.unit.collect.conftest import FakeNode

CONFIGURATION = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
"""
LOCAL = Local("cp1", "10.0.0.11", 6443, None)


def rendered(node: FakeNode, configuration: str = CONFIGURATION, local: Local = LOCAL) -> dict[str, str]:
    return kubeadm_render.render(f"{node.root}/bin/kubeadm", configuration, local, 5)


def left_behind(node: FakeNode) -> list[Path]:
    return list(node.root.glob("cksharden-*"))


def test_what_kubeadm_is_given(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    node.kubeadm()
    found = rendered(node)
    assert list(found) == ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]
    assert found["etcd"].startswith("apiVersion: v1\nkind: Pod\n")
    for phase in ("control-plane", "etcd"):
        arguments = (node.root / f"{phase}.arguments").read_text().split()
        assert arguments[:3] == ["init", "phase", phase]
        assert arguments[4:] == ["--config", "/dev/stdin", "--dry-run"]
        cluster, own = (node.root / f"{phase}.given").read_text().split("\n---\n")
        assert cluster == CONFIGURATION
        assert json.loads(own) == {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": "10.0.0.11", "bindPort": 6443},
            "nodeRegistration": {"name": "cp1", "criSocket": "unix:///run/containerd/containerd.sock"},
        }
        environment = (node.root / f"{phase}.environment").read_text()
        assert "proxy" not in environment.lower()
        assert f"KUBEADM_INIT_DRYRUN_DIR={node.root}/cksharden-" in environment
    assert left_behind(node) == []


def test_the_old_form_and_patches(node: FakeNode) -> None:
    node.kubeadm()
    old = CONFIGURATION.replace("v1beta4", "v1beta3").replace("v1.37.2", "'v1.36.3'")
    rendered(node, old, LOCAL._replace(patches_dir="/etc/kubernetes/patches"))
    own = json.loads((node.root / "etcd.given").read_text().split("\n---\n")[1])
    assert own["apiVersion"] == "kubeadm.k8s.io/v1beta3"
    assert own["patches"] == {"directory": "/etc/kubernetes/patches"}
    assert kubeadm_render.configured_version(old) == "v1.36.3"


def test_etcd_may_be_elsewhere(node: FakeNode) -> None:
    node.kubeadm(etcd=False)
    assert "etcd" not in rendered(node)


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ("", "no kubernetesVersion"),
        ("kubernetesVersion: stable-1\n", "no kubernetesVersion"),
        (CONFIGURATION + "kubernetesVersion: v1.37.2\n", "no kubernetesVersion"),
    ],
)
def test_a_version_that_kubeadm_would_ask_the_internet_for(configuration: str, told: str) -> None:
    with pytest.raises(RenderError, match=told):
        kubeadm_render.configured_version(configuration)


def test_a_configuration_of_another_kind(node: FakeNode) -> None:
    with pytest.raises(RenderError, match="no apiVersion"):
        rendered(node, CONFIGURATION.replace("kubeadm.k8s.io", "example.com"))


def test_kubeadms_own_error_line(node: FakeNode) -> None:
    node.program(
        "kubeadm",
        "echo W1123 a warning >&2; echo error: unknown field >&2; echo To see the stack trace >&2; exit 1",
    )
    with pytest.raises(
        CommandError, match=r"^kubeadm: failed with 1: unknown field$|^kubeadm failed with 1: unknown field$"
    ):
        rendered(node)
    assert left_behind(node) == []


def test_the_nodes_kubeadm(node: FakeNode) -> None:
    assert kubeadm_render.look(5) is None
    node.kubeadm("v1.36.3")
    path = f"{node.root}/bin/kubeadm"
    assert kubeadm_render.look(5) == {"path": path, "version": "v1.36.3"}
    for script in ("echo banana", "exit 1"):
        node.program("kubeadm", script)
        assert kubeadm_render.look(5) == {"path": path, "version": None}


def test_the_text_is_what_kubeadm_wrote(node: FakeNode) -> None:
    node.kubeadm()
    fixtures = Path(__file__).parents[2] / "fixtures/manifests/v1.37.2"
    assert rendered(node) == {path.stem: path.read_text() for path in fixtures.glob("*.yaml")}
