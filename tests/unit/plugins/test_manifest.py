# SPDX-License-Identifier: Apache-2.0
"""Manifests as kubeadm renders them, and as people edit them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import (
    ManifestError,
    component_of,
    options_of,
    parse_manifest,
    pod_key,
    pod_of,
    version_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Manifest, Option

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())


def kubeadms(component: str, version: str = "v1.37.2") -> str:
    return (FIXTURES / version / f"{component}.yaml").read_text()


def parsed(text: str) -> Manifest:
    return parse_manifest(text, "m.yaml")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_kubeadms_own(component: str, version: str) -> None:
    text = kubeadms(component, version)
    found = parsed(text)
    lines = [line.strip()[2:] for line in text.splitlines() if line.strip().startswith("- --")]
    assert [str(option) for option in found.options] == lines
    assert found.argv == (component, *lines)
    assert (found.component, found.path) == (component, "m.yaml")
    assert (
        found.version == ("3.7.0-0" if version == "v1.37.2" else "3.6.8-0")
        if component == "etcd"
        else version
    )
    kinds = [kind for kind in ("startup", "liveness", "readiness") if f"  {kind}Probe:" in text]
    assert [probe.kind for probe in found.probes] == kinds
    assert kinds[:2] == ["startup", "liveness"]
    assert pod_key(found.pod) == ("kube-system", component)


def test_a_probe_and_a_mount_of_kubeadm() -> None:
    found = parsed(kubeadms("kube-apiserver"))
    startup = found.probes[0]
    assert (startup.scheme, startup.host, startup.port, startup.path) == (
        "HTTPS",
        "10.0.0.11",
        6443,
        "/livez",
    )
    assert (startup.initial_delay, startup.period, startup.timeout, startup.failures) == (10, 10, 15, 24)
    mount = next(one for one in found.mounts if one.name == "k8s-certs")
    assert (mount.host_path, mount.read_only, mount.type) == (
        "/etc/kubernetes/pki",
        True,
        "DirectoryOrCreate",
    )


def test_a_path_of_the_container_on_the_node() -> None:
    text = kubeadms("etcd").replace("    - mountPath: /var/lib/etcd\n", "    - mountPath: /data/\n")
    found = parsed(text)
    assert found.host_path("/data/member/snap") == "/var/lib/etcd/member/snap"
    assert found.host_path("/data") == "/var/lib/etcd"
    assert found.host_path("/database") is None
    assert found.host_path("/etc/kubernetes/pki/etcd/ca.crt") == "/etc/kubernetes/pki/etcd/ca.crt"
    assert parsed(text.replace("hostPath", "emptyDir")).host_path("/data") is None


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--a=b", "--a", "c"], [("a", "b"), ("a", "c")]),
        (["--profiling"], [("profiling", "true")]),
        (["--profiling", "--other_name=x=y"], [("profiling", "true"), ("other-name", "x=y")]),
        (["-v", "2", "-name=etcd", "--offset", "-5"], [("v", "2"), ("name", "etcd"), ("offset", "-5")]),
        (
            ["--empty=", "--", "word"],
            [
                ("empty", ""),
            ],
        ),
    ],
)
def test_options(words: list[str], options: list[tuple[str, str]]) -> None:
    assert list(options_of(words)) == [Option(*each) for each in options]


def test_every_value_of_an_option_in_order() -> None:
    text = kubeadms("kube-apiserver").replace(
        "    - --tls-cert-file", "    - --service_account_issuer=https://old\n    - --tls-cert-file"
    )
    assert parsed(text).values("service-account-issuer") == (
        "https://kubernetes.default.svc.cluster.local",
        "https://old",
    )
    assert parsed(text).values("no-such") == ()


def test_args_and_variables() -> None:
    text = """
    {kind: Pod, metadata: {name: a}, spec: {containers: [
      {name: sidecar, image: x},
      {name: etcd, image: 'host:5000/etcd@sha256:abc', command: [/usr/local/bin/etcd],
       args: ['--a=$(A)', '--b=$(B)', '--c=$$(A)', "--d=$(NO)"],
       env: [{name: A, value: '1'}, {name: B, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]}]}}
    """
    found = parsed(text)
    assert [str(each) for each in found.options] == ["--a=1", "--b=$(B)", "--c=$(A)", "--d=$(NO)"]
    assert (found.version, found.mounts, found.probes) == (None, (), ())


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/kube-apiserver:v1.37.2", "v1.37.2"),
        ("host:5000/a/etcd:3.7.0-0@sha256:abc", "3.7.0-0"),
        ("host:5000/etcd", None),
        ("etcd:latest", None),
    ],
)
def test_the_version_of_an_image(image: str, version: str | None) -> None:
    assert version_of(image) == version


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "m.yaml, line [12]: not valid YAML"),
        ("kind: Pod\nkind: Pod\n", "m.yaml, line 2: the key 'kind' is given twice"),
        ("kind: Pod\n---\nkind: Pod\n", "m.yaml, line 2: not valid YAML: but found another"),
        ("kind: Deployment\n", "no Pod of kube-apiserver"),
        ("kind: Pod\nmetadata: {}\nspec: {containers: [{name: nginx}]}\n", "no Pod of kube-apiserver"),
        ("kind: Pod\nspec: []\n", "a Pod without metadata or spec"),
        ("kind: Pod\nmetadata: {}\nspec: {containers: 3}\n", "a list of mappings is something else"),
        (
            "kind: Pod\nmetadata: {}\nspec: {containers: [{name: etcd, command: [sh, -c, etcd]}]}\n",
            "begins with sh, so what is started is not known",
        ),
        (
            "kind: Pod\nmetadata: {}\nspec: {containers: [{name: etcd, command: [etcd, 3]}]}\n",
            "3 in the command line is no text",
        ),
        (
            "kind: Pod\nmetadata: {}\nspec: {containers: [{name: etcd, volumeMounts: [{name: a}]}]}\n",
            "not the Pod that it should be: 'mountPath'",
        ),
    ],
)
def test_what_can_not_be_read_with_certainty(text: str, told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        parsed(text)


def test_other_files_of_the_directory_are_no_pods() -> None:
    assert pod_of("hello", "README") is None
    assert pod_of("", "empty") is None
    other = pod_of("kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: nginx}]}\n", "web.yaml")
    assert other is not None
    assert (component_of(other), pod_key(other)) == (None, ("default", "web"))
