# SPDX-License-Identifier: Apache-2.0
"""What a real control plane says of its static pods, and what its own kubeadm renders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lab import testing

from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from cksharden import control_plane
from cksharden.collect import collect
from cksharden.facts import NodeFacts, Unknown
from cksharden.rundir import read_facts
from cksharden.runner import Connection

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = "/etc/kubernetes/manifests"


def ask(directory: Path) -> NodeFacts:
    """Return what cp1 says, and nothing of kubeadm's dry runs is left on it."""
    directory.mkdir()
    collect(ROOT / "inventories/lab", {"schema": "1.1", "patches_dir": ""}, Connection(), "cp1", directory)
    assert (
        testing.run("cp1", "ls -d /run/cksharden-* /etc/kubernetes/tmp/*init* 2>/dev/null || true").stdout
        == ""
    )
    return NodeFacts("cp1", read_facts(directory / "cp1.json")["sections"])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeFacts:
    """The facts of cp1 as it is."""
    return ask(tmp_path_factory.mktemp("facts") / "asked")


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_three_facets_of_kubeadms_own_agree(node: NodeFacts, component: str) -> None:
    declared, rendered = control_plane.declared(node, component), control_plane.rendered(node, component)
    assert declared is not None
    assert rendered is not None
    process = control_plane.running(node, component)
    assert process.argv == declared.argv
    assert rendered.pod == declared.pod
    pods = {pod["name"]: pod["uid"] for pod in node.section("cluster")["static_pods"] if pod["node"] == "cp1"}
    assert process.pod_uid == pods[f"{component}-cp1"]
    assert len(process.container_id or "") == 64
    assert 0 < node.section("node")["time"] - process.started < 7 * 86400


def test_files_and_directory(node: NodeFacts) -> None:
    pods = control_plane.static_pods(node)
    assert pods.directory == MANIFESTS
    shown = [one for one in control_plane.manifest_files(node) if not one.ignored]
    assert [one.component for one in shown] == sorted(COMPONENTS)
    assert pods.kubeadm is not None
    assert pods.kubeadm.version == f"v{testing.lab().kubernetes}"
    key = control_plane.file(node, "/etc/kubernetes/pki/sa.key")
    assert (key.mode, key.text, key.digest) == ("0600", None, None)
    authority = control_plane.file(node, "/etc/kubernetes/pki/ca.crt")
    assert (authority.text, (authority.digest or "")[:7]) == (None, "sha256:")
    assert pods.loaded == {}
    missing = [path for path, one in pods.files.items() if not one.exists or one.error]
    assert missing == []


def test_the_next_upgrade_is_of_todays_configuration(tmp_path: Path) -> None:
    name = ("-n", "kube-system", "configmap", "kubeadm-config")
    kept = testing.kubectl("get", *name, "-o", "jsonpath={.data.ClusterConfiguration}").stdout

    def configure(text: str) -> None:
        patch = json.dumps({"data": {"ClusterConfiguration": text}})
        testing.kubectl("patch", *name, "--type", "merge", "--patch", patch)

    option = '  extraArgs:\n  - name: profiling\n    value: "false"\n'
    changed = kept.replace("apiServer: {}\n", f"apiServer:\n{option}")
    assert changed != kept
    try:
        configure(changed)
        rendered = control_plane.rendered(ask(tmp_path / "changed"), "kube-apiserver")
        assert rendered is not None
        assert rendered.values("profiling") == ("false",)
        configure(kept.replace("apiServer: {}\n", "apiServer: [1]\n"))
        with pytest.raises(Unknown, match=r"rendered: CommandError: kubeadm failed with 1: .*apiServer"):
            control_plane.rendered(ask(tmp_path / "broken"), "kube-apiserver")
    finally:
        configure(kept)
