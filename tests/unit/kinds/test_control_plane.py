# SPDX-License-Identifier: Apache-2.0
"""The typed view of a control plane's facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from cksharden import control_plane
from cksharden.facts import NodeFacts, Unknown
from cksharden.static_pod_facts import File, Program

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests/v1.37.2"
DIRECTORY = "/etc/kubernetes/manifests"
TEXTS = {path.name: path.read_text() for path in FIXTURES.glob("*.yaml")}


def entry(name: str, text: str | None, **changes: Any) -> dict[str, Any]:
    seen = {
        "path": f"{DIRECTORY}/{name}",
        "name": name,
        "exists": True,
        "hidden": name.startswith("."),
        "type": "file",
        "size": len(text or ""),
        "text": text,
        "error": None,
    }
    return seen | changes


def section(data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "1.0", "status": "ok", "reason": "", "data": data}


def facts(*more: dict[str, Any], texts: dict[str, str] = TEXTS, **changes: Any) -> NodeFacts:
    entries = sorted([*(entry(*each) for each in texts.items()), *more], key=lambda one: one["name"])
    process = {
        "pid": 7,
        "argv": ["etcd", "--name", "cp1"],
        "started": 1.5,
        "pod_uid": "u",
        "container_id": "c",
    }
    static_pods = {
        "directory": DIRECTORY,
        "entries": entries,
        "processes": {"etcd": [process], "kube-scheduler": [process, process]},
        "files": {"/etc/a": entry("a", None, path="/etc/a")},
        "loaded": {"encryption": {"hash": "sha256:a", "path": "/etc/a", "current": True}},
        "kubeadm": {"path": "/usr/bin/kubeadm", "version": "v1.37.2"},
    }
    manifests = {"etcd": {"text": TEXTS["etcd.yaml"], "digest": None, "redacted": False}}
    rendered = {"kubernetes_version": "v1.37.2", "resource_version": "7", "manifests": manifests}
    sections = {"static_pods": section(static_pods | changes), "rendered": section(rendered)}
    return NodeFacts("cp1", sections)


def taken(of: NodeFacts, component: str) -> str | None:
    manifest = control_plane.declared(of, component)
    return None if manifest is None else manifest.path


def test_kubeadms_manifests() -> None:
    node = facts()
    for component in COMPONENTS:
        assert taken(node, component) == f"{DIRECTORY}/{component}.yaml"
    rendered = control_plane.rendered(node, "etcd")
    assert rendered is not None
    assert rendered.values("name") == ("cp1",)
    assert control_plane.rendered(node, "kube-apiserver") is None
    assert control_plane.static_pods(node).kubeadm == Program("/usr/bin/kubeadm", "v1.37.2")
    assert control_plane.static_pods(node).loaded["encryption"].current


def test_processes() -> None:
    node = facts()
    process = control_plane.running(node, "etcd")
    assert (process.pid, process.values("name"), process.values("other")) == (7, ("cp1",), ())
    with pytest.raises(Unknown, match="2 processes of kube-scheduler run: 7, 7"):
        control_plane.running(node, "kube-scheduler")
    with pytest.raises(Unknown, match="no kube-apiserver runs in a pod"):
        control_plane.running(node, "kube-apiserver")


def test_files() -> None:
    node = facts()
    assert control_plane.file(node, "/etc/a").path == "/etc/a"
    with pytest.raises(Unknown, match="/etc/b was not collected"):
        control_plane.file(node, "/etc/b")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exists": False}, "/x does not exist"),
        ({"error": "Permission denied"}, "/x: Permission denied"),
        ({"truncated": True}, "/x is larger than the collector reads"),
        ({"lossy": True}, "/x holds bytes that are not UTF-8"),
        ({"text": None}, "/x is not read"),
    ],
)
def test_a_text_that_is_not_whole_is_none(changes: dict[str, Any], told: str) -> None:
    whole = File("/x", exists=True, text="a: 1\n")
    assert whole.whole_text == "a: 1\n"
    with pytest.raises(Unknown, match=told):
        _ = msgspec.structs.replace(whole, **changes).whole_text


def test_of_two_files_with_one_pod_the_kubelet_takes_the_later() -> None:
    stray = entry("kube-apiserver.yaml.bak", TEXTS["kube-apiserver.yaml"])
    node = facts(stray)
    assert taken(node, "kube-apiserver") == stray["path"]
    hidden = [one for one in control_plane.manifest_files(node) if one.hidden_by]
    assert [(one.file.name, one.hidden_by) for one in hidden] == [("kube-apiserver.yaml", stray["path"])]
    earlier = entry("0.yaml", TEXTS["etcd.yaml"])
    assert taken(facts(earlier), "etcd") == f"{DIRECTORY}/etcd.yaml"


def test_a_pod_of_the_same_name_that_runs_something_else_hides_the_component() -> None:
    other = (
        TEXTS["etcd.yaml"]
        .replace("    - etcd\n", "    - sleep\n")
        .replace("name: etcd\n    ports", "name: no\n    ports")
    )
    assert taken(facts(entry("zz", other)), "etcd") is None


def test_two_pods_of_one_component() -> None:
    second = TEXTS["etcd.yaml"].replace("\n  name: etcd\n", "\n  name: etcd-old\n")
    with pytest.raises(Unknown, match=r"etcd.yaml and \S+/etcd2.yaml both run etcd"):
        taken(facts(entry("etcd2.yaml", second)), "etcd")
    assert taken(facts(entry("etcd2.yaml", second)), "kube-scheduler") == f"{DIRECTORY}/kube-scheduler.yaml"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (entry(".etcd.yaml.swp", TEXTS["etcd.yaml"]), "its name begins with a dot"),
        (entry("old", None, type="directory"), "it is no regular file"),
        (entry("pipe", None, type="other"), "it is no regular file"),
        (entry("zbig", "", size=11 * 1024 * 1024, truncated=True), "it is larger than the kubelet reads"),
        (entry("README", "hello"), "it holds no Pod"),
    ],
)
def test_what_the_kubelet_does_not_take(more: dict[str, Any], why: str) -> None:
    node = facts(more)
    (found,) = [one for one in control_plane.manifest_files(node) if one.file.name == more["name"]]
    assert (found.ignored, found.key, found.problem) == (why, None, "")
    assert taken(node, "etcd") == f"{DIRECTORY}/etcd.yaml"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (entry("etcd.yaml~", "kind: Pod\nname: etcd\nkind: Pod\n"), "the key 'kind' is given twice"),
        (entry("link", None, type="link", error="it is a link out of its directory"), "out of its directory"),
        (entry("cut", None, truncated=True), "larger than the collector reads"),
    ],
)
def test_what_may_be_a_second_definition_makes_it_unknown(more: dict[str, Any], told: str) -> None:
    node = facts(more)
    with pytest.raises(Unknown, match=told):
        taken(node, "etcd")


def test_a_broken_file_of_one_component_says_nothing_of_another() -> None:
    node = facts(texts=TEXTS | {"etcd.yaml": "kind: Pod\n- name: etcd\n"})
    assert taken(node, "kube-apiserver") == f"{DIRECTORY}/kube-apiserver.yaml"
    with pytest.raises(Unknown, match=r"etcd\.yaml, line 2: not valid YAML"):
        taken(node, "etcd")


def test_sections_that_are_not_there_or_not_as_they_should_be() -> None:
    failed = {"schema": "1.0", "status": "error", "reason": "the node has no kubeadm", "data": None}
    node = NodeFacts("cp1", {"rendered": failed, "static_pods": section({"directory": 3})})
    with pytest.raises(Unknown, match="rendered: the node has no kubeadm"):
        control_plane.rendered(node, "etcd")
    with pytest.raises(Unknown, match="the section 'static_pods' of the facts is not as it should be"):
        control_plane.declared(node, "etcd")
    with pytest.raises(Unknown, match="collect again"):
        control_plane.running(NodeFacts("cp1", {}), "etcd")
