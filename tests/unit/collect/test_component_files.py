# SPDX-License-Identifier: Apache-2.0
"""Which files the options of a control plane name, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.component_files import (
    describe_all,
    host_paths,
    on_host,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.components import (
    COMPONENTS,
    FILE_OPTIONS,
    RELOADED,
    STRICTNESS,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.read_files import Files
from ansible_collections.cksharden.node.plugins.module_utils.node.safe_read import Entry
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import parse_manifest

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests"
MANIFESTS = sorted(FIXTURES.glob("*/*.yaml"))
# A path that is no file's: options that take a URL's path, or a directory of plugins.
NO_FILES: set[str] = set()


def described(*texts: str, most: int = 20) -> dict[str, Entry]:
    return describe_all(Files(10000), texts, most)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_file_that_kubeadm_names_is_known(path: Path) -> None:
    manifest = parse_manifest(path.read_text(), path.name)
    named = {one.name for one in manifest.options if one.value.startswith("/")}
    assert named - FILE_OPTIONS.keys() == NO_FILES
    expected = {manifest.host_path(one.value) for one in manifest.options if one.name in named}
    found = described(path.read_text())
    # What a kubeconfig of kubeadm's is mounted as, a single file, is the same path on both sides.
    assert set(found) == expected


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_mounts_are_found_as_a_parser_finds_them(path: Path) -> None:
    text = path.read_text().replace("path: /etc/kubernetes/pki", "path: /elsewhere/pki")
    manifest = parse_manifest(text, path.name)
    assert host_paths(text) == {one.mount_path: one.host_path for one in manifest.mounts}


def test_the_table_is_whole() -> None:
    assert set(FILE_OPTIONS.values()) == set(STRICTNESS)
    assert set(RELOADED.values()) <= FILE_OPTIONS.keys()
    assert all("-key" not in option or treatment == "private" for option, treatment in FILE_OPTIONS.items())
    assert len(COMPONENTS) == 4


@pytest.mark.parametrize(
    "text",
    [
        "    - --audit-policy-file={}\n",
        "    - --audit_policy_file={} # ours\n",
        '    - "--audit-policy-file={}"\n',
        "    - --audit-policy-file\n    - {}\n",
        "    - '--audit-policy-file'\n    -   '{}'\n",
        'command: ["kube-apiserver", "--audit-policy-file", "{}"]\n',
        "command: [kube-apiserver, --audit-policy-file={}]\n",
        "kube-apiserver\0--audit-policy-file\0{}\0--other=1",
        "kube-apiserver\0-audit-policy-file={}\0--other=1",
    ],
)
def test_an_option_is_found_in_whatever_form(text: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("kind: Policy\n")
    found = described(text.format(policy))
    assert list(found) == [str(policy)]
    assert found[str(policy)]["text"] == "kind: Policy\n"
    assert found[str(policy)]["digest"].startswith("sha256:")


def test_a_path_in_a_mount_of_another_name() -> None:
    mounts = {"/etc/audit": "/srv/audit/", "/etc/audit/deep": "/other", "/": "/root"}
    assert on_host("/etc/audit/policy.yaml", mounts) == "/srv/audit/policy.yaml"
    assert on_host("/etc/audit/deep/../deep/a", mounts) == "/other/a"
    assert on_host("/etc/audits", mounts) == "/root/etc/audits"
    assert on_host("/etc/audits", {}) == "/etc/audits"


def test_each_file_is_looked_at_as_its_option_asks(tmp_path: Path) -> None:
    for name in ("policy", "ca.crt", "sa.key", "tokens", "bundle"):
        (tmp_path / name).write_text(f"content of {name}\n")
    (tmp_path / "bundle").write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n")
    found = described(
        f"--audit-policy-file={tmp_path}/policy --client-ca-file={tmp_path}/ca.crt"
        f" --service-account-signing-key-file={tmp_path}/sa.key --token-auth-file={tmp_path}/tokens"
        f" --tls-cert-file={tmp_path}/bundle --audit-log-path=- --data-dir={tmp_path} --root-ca-file={tmp_path}/no"
        # Of two options that name one file the stricter counts.
        f" --authentication-config={tmp_path}/tokens --config={tmp_path}/sa.key"
    )
    by_name = {Path(path).name: entry for path, entry in found.items()}
    assert (by_name["policy"]["text"], by_name["policy"]["digest"] is None) == ("content of policy\n", False)
    assert (by_name["ca.crt"]["text"], by_name["ca.crt"]["digest"] is None) == (None, False)
    for name in ("sa.key", "tokens"):
        assert (by_name[name]["exists"], by_name[name]["mode"]) == (True, "0644")
        assert not {"text", "digest"} & by_name[name].keys()
    assert (by_name["bundle"]["text"], by_name["bundle"]["digest"]) == (None, None)
    assert by_name["no"]["exists"] is False
    assert by_name[tmp_path.name]["type"] == "directory"
    assert "content of sa" not in json.dumps(found)
    assert "content of tokens" not in json.dumps(found)


@pytest.mark.parametrize("json_text", [False, True])
def test_files_that_an_admission_configuration_names_are_found_beside_it(
    tmp_path: Path, json_text: bool
) -> None:
    for name in ("limits.yaml", "sa.key"):
        (tmp_path / name).write_text(f"content of {name}\n")
    plugins = [{"name": "EventRateLimit", "path": "limits.yaml"}, {"name": "A", "path": "/conf/sa.key"}]
    lines = "\n".join(f"- name: {one['name']}\n  path: {one['path']} # ours" for one in plugins)
    config = tmp_path / "admission.yaml"
    config.write_text(json.dumps({"plugins": plugins}) if json_text else f"plugins:\n{lines}\n")
    manifest = (
        "    - --admission-control-config-file=/conf/admission.yaml\n    - --tls-private-key-file=/conf/sa.key\n"
        "    - mountPath: /conf\n      name: conf\n"
        f"  - hostPath:\n      path: {tmp_path}\n    name: conf\n"
    )
    found = described(manifest, "--admission-control-config-file=/conf/admission.yaml")
    assert found[f"{tmp_path}/limits.yaml"]["text"] == "content of limits.yaml\n"
    assert "text" not in found[f"{tmp_path}/sa.key"]  # the stricter counts
    with pytest.raises(ValueError, match="more than 3 files"):
        described(manifest, "--config=/etc/one", most=3)


def test_links_on_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/policy").write_text("a: 1\n")
    (tmp_path / "real/latest").symlink_to("policy")
    (tmp_path / "link").symlink_to("real")
    path = f"{tmp_path}/link/latest"
    entry = described(f"--audit-policy-file={path}")[path]
    assert entry["links"] == [f"{tmp_path}/link", path]
    assert entry["text"] == "a: 1\n"


def test_there_is_a_limit() -> None:
    with pytest.raises(ValueError, match="more than 3 files"):
        described(*[f"--config=/etc/{number}" for number in range(4)], most=3)
