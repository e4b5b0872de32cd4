# SPDX-License-Identifier: Apache-2.0
"""Edits of static pods: what they mean, against PyYAML, and that every other line stays."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.module_utils.node import manifest_pod
from ansible_collections.cksharden.node.plugins.module_utils.node.block_yaml import read
from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.module_utils.node.flags import EditError
from ansible_collections.cksharden.node.plugins.module_utils.node.manifest_edits import edit_manifest
from tests.unit.node.manifests import API_SERVER, ETCD

API = "kube-apiserver"
AUDIT = {"name": "cksharden-audit", "path": "/etc/kubernetes/audit", "read_only": True, "type": "Directory"}

NAMES = ("profiling", "anonymous-auth", "service-account-issuer", "v", "tls-min-version")
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
OPTIONS = st.one_of(
    st.none(),
    VALUES,
    st.lists(VALUES, min_size=1, max_size=3),
)
COMMENTS = st.sampled_from(["", "  # by hand", " # --profiling=true"])
GAPS = st.sampled_from(["", "", "", "\n", "        # why\n", "# --v=9\n"])


def quoted(word: str) -> st.SearchStrategy[str]:
    plain = word.startswith("-") and not set(word) & set(" #:") and len(word) > 2
    ways = ["'" + word.replace("'", "''") + "'", '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return st.sampled_from(ways + ([word] if plain else []))


@st.composite
def written_options(draw: st.DrawFn) -> list[str]:
    """The words of a few options, in the forms that people use."""
    words: list[str] = []
    for _number in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from([*NAMES, "audit-log-path", "etcd-servers"]))
        name = draw(st.sampled_from([name, name.replace("-", "_")]))
        value = draw(VALUES)
        forms = [[f"--{name}={value}"], [f"--{name}"]]
        if value and not value.startswith("-"):
            forms.append([f"--{name}", value])
        words += draw(st.sampled_from(forms))
    return words


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A manifest as kubeadm writes it, and as people then change it."""
    words = draw(written_options())
    cut = draw(st.integers(0, len(words))) if draw(st.booleans()) else len(words)
    shift = draw(st.sampled_from([0, 2, 3]))
    text = "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: {}\n  name: kube-apiserver\nspec:\n  containers:\n"

    def listed(key: str, some: list[str]) -> str:
        lines = f"    {key}:\n"
        for word in some:
            lines += draw(GAPS) + " " * (4 + shift) + "- " + draw(quoted(word)) + draw(COMMENTS) + "\n"
        return lines

    text += "  - name: kube-apiserver\n" + listed("command", [API, *words[:cut]])
    text += listed("args", words[cut:]) if cut < len(words) else ""
    text += "    image: x  # pinned\n"
    if draw(st.booleans()):
        text += (
            "    volumeMounts:\n    - mountPath: /etc/ssl/certs\n      name: ca-certs\n      readOnly: true\n"
        )
        text += "  volumes:\n  - hostPath:\n      path: /etc/ssl/certs\n    name: ca-certs\n"
    text += draw(st.sampled_from(["  hostNetwork: true\n", "", "  note: |\n    - --v=1\n\n    # text\n"]))
    text += draw(st.sampled_from(["status: {}\n", "status: {}", ""]))
    return text


def words_of(pod: dict[str, Any]) -> list[str]:
    container = pod["spec"]["containers"][0]
    return [*container["command"], *(container.get("args") or [])]


def meant(words: list[str]) -> list[tuple[str, str]]:
    """Options as (name, value), read in another way than the code does."""
    found: list[tuple[str, str]] = []
    for word in words:
        if not word.startswith("--"):
            found[-1] = (found[-1][0], word)
            continue
        name, equals, value = word[2:].partition("=")
        found.append((name.replace("_", "-"), value if equals else "true"))
    return found


@given(manifests(), st.sampled_from(NAMES), OPTIONS, st.booleans())
def test_an_edit_means_what_was_asked_and_nothing_else(
    text: str, name: str, value: str | list[str] | None, mounts: bool
) -> None:
    item: dict[str, Any] = {"option": name, "value": value, "mounts": [AUDIT] if mounts else []}
    after = edit_manifest(text.encode(), API, [item])
    old, new = yaml.safe_load(text), yaml.safe_load(after)
    wanted = [] if value is None else value if isinstance(value, list) else [value]
    options = meant(words_of(new)[1:])
    assert [each for found, each in options if found == name] == wanted
    others = [each for each in meant(words_of(old)[1:]) if each[0] != name]
    assert [each for each in options if each[0] != name] == others
    assert pod_without_words(new) == with_mount(pod_without_words(old), mounts)
    assert edit_manifest(after, API, [item]) == after


@given(manifests(), st.sampled_from(NAMES), OPTIONS)
def test_lines_that_are_not_named_stay(text: str, name: str, value: str | list[str] | None) -> None:
    after = edit_manifest(text.encode(), API, [{"option": name, "value": value, "mounts": [AUDIT]}]).decode()
    ours = (f"--{name}", f"--{name.replace('-', '_')}")
    stays, named = [], False
    for line in filter(None, text.split("\n")):
        word = line.strip().startswith("- ")
        behind = named and word and "- --" not in line.replace("'", "").replace('"', "")
        if not behind and not any(each in line for each in ours):
            stays.append(line)
        if word:
            named = any(each in line for each in ours)
    rest = iter(after.split("\n"))
    assert all(line in rest for line in stays)


def pod_without_words(pod: dict[str, Any]) -> dict[str, Any]:
    pod = copy.deepcopy(pod)
    container = pod["spec"]["containers"][0]
    container.pop("command")
    container.pop("args", None)
    return pod


def with_mount(pod: dict[str, Any], mounts: bool) -> dict[str, Any]:
    if mounts:
        container = pod["spec"]["containers"][0]
        entry = {"mountPath": AUDIT["path"], "name": AUDIT["name"], "readOnly": True}
        container.setdefault("volumeMounts", []).append(entry)
        volume = {"hostPath": {"path": AUDIT["path"], "type": AUDIT["type"]}, "name": AUDIT["name"]}
        pod["spec"].setdefault("volumes", []).append(volume)
    return pod


@given(manifests())
def test_reading_agrees_with_pyyaml(text: str) -> None:
    assert list(manifest_pod.read_pod(text.encode(), API).words) == words_of(yaml.safe_load(text))


@given(st.text(st.sampled_from("ab:- #\n\"'|>[]{}&*!%0\t"), max_size=60))
def test_what_is_read_from_any_text_is_what_pyyaml_reads(text: str) -> None:
    try:
        found = read(("k: v\n" + text).split("\n"))
    except EditError:
        return
    data = yaml.load("k: v\n" + text, yaml.BaseLoader)
    assert plain(found, data) == data


def plain(value: Any, reference: Any) -> Any:
    """The data of what was read, with what is not read taken from the reference."""
    if hasattr(value, "entries"):
        return {key: plain(each, reference[key]) for key, each in value.entries.items()}
    if hasattr(value, "items"):
        return [plain(each, reference[number]) for number, each in enumerate(value.items)]
    return reference if value.text is None else value.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n", "no spec"),
        ("spec:\n  containers: []\n", "no one container"),
        (
            "spec:\n  containers:\n  - name: kube-apiserver\n    command: [kube-apiserver, --a=b]\n",
            "list of lines",
        ),
        (
            "spec:\n  containers:\n  - name: x\n    command:\n    - sh\n    - -c\n",
            "does not run kube-apiserver",
        ),
        ("spec: &anchor\n  containers: 1\n", "line 2 goes on with"),
        ("spec:\n\tcontainers: 1\n", "line 2 holds a tab"),
        ("spec:\n  a: 1\n  a: 2\n", "line 3 has the key a a second time"),
        ("spec:\n  a: 1\n    b\n", "line 3 goes on with the line before it"),
        ("a: 1\n---\nb: 1\n", "line 2 is not understood"),
        ('{"kind": "Pod"}', "not YAML on lines of their own"),
        ("a: 1\r\nb: 2\r\n", "no text"),
    ],
)
def test_what_is_not_certain_is_refused(text: str, told: str) -> None:
    with pytest.raises(EditError, match=told):
        edit_manifest(text.encode(), API, [{"option": "profiling", "value": "false"}])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-profiling=false"], "not understood"),
        (["--", "--profiling=false"], "not understood"),
        (["--profiling", "-1"], "may or may not take"),
    ],
)
def test_words_that_may_mean_two_things_are_refused(words: list[str], told: str) -> None:
    lines = "".join(f"    - '{word}'\n" for word in [API, *words])
    text = f"spec:\n  containers:\n  - name: {API}\n    command:\n{lines}"
    with pytest.raises(EditError, match=told):
        edit_manifest(text.encode(), API, [{"option": "profiling", "value": "false"}])


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"option": "Profiling", "value": "false"}, "no name of an option"),
        ({"option": "profiling", "value": False}, "no value of an option"),
        ({"option": "profiling", "value": "a\nb"}, "no value of an option"),
        ({"mounts": [{**AUDIT, "path": "/etc/../x"}]}, "is no mount"),
        ({"mounts": [{**AUDIT, "type": "File"}]}, "no type of a mount"),
        ({"mounts": [{**AUDIT, "path": "/etc/kubernetes/pki", "read_only": False}]}, "for reading only"),
        ({"mounts": [{**AUDIT, "name": "k8s-certs"}]}, "a volume k8s-certs of its own"),
    ],
)
def test_items_that_can_not_be_made_are_refused(item: dict[str, Any], told: str) -> None:
    with pytest.raises(EditError, match=told):
        edit_manifest(API_SERVER, API, [item])


def test_a_directory_that_is_mounted_already_is_left_alone() -> None:
    item = {"mounts": [{**AUDIT, "path": "/etc/kubernetes/pki"}]}
    assert edit_manifest(API_SERVER, API, [item]) == API_SERVER


def test_a_transaction_edits_manifests_by_the_same_function() -> None:
    item = {"option": "profiling", "value": "false"}
    edit = {"op": "manifest", "component": API, "items": [item]}
    assert apply_edits(API_SERVER, [edit]) == edit_manifest(API_SERVER, API, [item])
    with pytest.raises(EditError, match="no manifest"):
        apply_edits(None, [edit])


def test_probes_are_read_with_the_number_behind_a_ports_name() -> None:
    probes = manifest_pod.read_pod(API_SERVER, API).probes
    assert [(each.name, each.scheme, each.host, each.port, each.path) for each in probes] == [
        ("startupProbe", "https", "10.0.0.11", 6443, "/livez"),
        ("livenessProbe", "https", "10.0.0.11", 6443, "/livez"),
        ("readinessProbe", "https", "10.0.0.11", 6443, "/readyz"),
    ]
    assert manifest_pod.read_pod(ETCD, "etcd").option("name") == "cp1"
    assert manifest_pod.pod_name(ETCD) == "etcd"
