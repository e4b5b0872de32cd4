# SPDX-License-Identifier: Apache-2.0
"""What kubeadm-config names, and what a machine lacks of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import ConfigurationError
from ansible_collections.cksharden.node.plugins.plugin_utils.kubeadm_files import (
    changes,
    directories,
    further,
    is_placed,
    named,
    notes,
    placed,
    told,
)

AUDIT = "/etc/kubernetes/cksharden/audit-policy-0123456789ab.yaml"
LIST = f"""
apiVersion: kubeadm.k8s.io/v1beta4
apiServer:
  extraArgs:
  - {{name: audit-policy-file, value: {AUDIT}}}
  - {{name: audit-log-path, value: /var/log/kubernetes/audit.log}}
  - {{name: oidc-ca-file, value: /oidc/ca.crt}}
  - {{name: service-account-issuer, value: https://kubernetes.default.svc}}
  extraVolumes:
  - {{name: cksharden-config, hostPath: /etc/kubernetes/cksharden, mountPath: /etc/kubernetes/cksharden,
     readOnly: true, pathType: DirectoryOrCreate}}
  - {{name: oidc, hostPath: /srv/oidc, mountPath: /oidc, pathType: Directory}}
etcd: {{local: {{dataDir: /var/lib/etcd, extraArgs: [{{name: wal-dir, value: /etc/kubernetes/wal}}]}}}}
scheduler: {{}}
"""
MAP = "apiServer: {extraArgs: {audit_policy_file: /etc/kubernetes/audit.yaml}}\ncertificatesDir: /etc/kubernetes/ssl"
ROOT = {"mode": "0600", "uid": 0, "gid": 0, "owner": "root", "group": "root", "error": None}
ABSENT = {"exists": False, "type": None, **dict.fromkeys(ROOT)}


def file(text: str = "a: 1", **more: Any) -> dict[str, Any]:
    return {"exists": True, "type": "file", "digest": f"sha256:{text}", "content": text, **ROOT, **more}


def directory(**more: Any) -> dict[str, Any]:
    return {"exists": True, "type": "directory", **ROOT, "mode": "0700", **more}


def test_options_and_volumes_name_files_by_where_they_are_on_the_node() -> None:
    config = named(LIST)
    assert config.files == {
        "/etc/kubernetes/cksharden": "the volume cksharden-config of kube-apiserver",
        AUDIT: "--audit-policy-file of kube-apiserver",
        "/srv/oidc": "the volume oidc of kube-apiserver",
        "/srv/oidc/ca.crt": "--oidc-ca-file of kube-apiserver",
    }
    assert config.made == {"/etc/kubernetes/cksharden"}
    assert list(named(MAP).files) == ["/etc/kubernetes/audit.yaml"]


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (AUDIT, True),
        ("/etc/kubernetes/encryption.yaml", True),
        ("/etc/kubernetes/ssl/webhook.crt", True),
        ("/etc/kubernetes/ssl/etcd/other.crt", True),
        ("/etc/kubernetes/ssl/ca.crt", False),
        ("/etc/kubernetes/ssl/etcd/peer.key", False),
        ("/etc/kubernetes/ssl/etcd", False),
        ("/etc/kubernetes/ssl/sa.pub", False),
        ("/etc/kubernetes/ssl", False),
        ("/etc/kubernetes/scheduler.conf", False),
        ("/etc/kubernetes/manifests/etcd.yaml", False),
        ("/etc/kubernetes", False),
        ("/srv/oidc/ca.crt", False),
    ],
)
def test_what_kubeadm_makes_itself_is_left_to_it(path: str, ours: bool) -> None:
    assert is_placed(path, named(MAP)) is ours


@pytest.mark.parametrize("text", ["a: [", "- a"])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="kubeadm-config"):
        named(text)


def test_files_that_a_file_names_are_found_relative_ones_too() -> None:
    text = """
    kind: AdmissionConfiguration
    plugins: [{name: A, path: limits.yaml}, {name: B, path: /etc/kubernetes/cksharden/b.yaml}]
    conditions: [{path: /livez}]
    words: limits.yaml
    """
    assert sorted(further(AUDIT, text, named(LIST))) == [
        "/etc/kubernetes/cksharden/b.yaml",
        "/etc/kubernetes/cksharden/limits.yaml",
    ]
    assert further(AUDIT, "a: [", named(LIST)) == {}


def test_directories_are_made_from_above() -> None:
    assert directories(["/etc/kubernetes/a/b/c.yaml", "/etc/kubernetes/d"]) == [
        "/etc/kubernetes",
        "/etc/kubernetes/a",
        "/etc/kubernetes/a/b",
    ]


@pytest.mark.parametrize(
    ("there", "serves", "status"),
    [
        (ABSENT, True, "create"),
        (file(), True, "as_there"),
        (file(mode="0644"), True, "replace"),
        (file("b: 2"), False, "replace"),
        (file("b: 2"), True, "conflict"),
        (directory(), False, "conflict"),
        (file(error="its links go in a circle"), False, "conflict"),
    ],
)
def test_a_control_plane_keeps_another_file(there: dict[str, Any], serves: bool, status: str) -> None:
    (one,) = placed({AUDIT: file()}, {AUDIT: there}, serves=serves)
    assert one.status == status
    assert bool(one.reason) is (status == "conflict")
    assert bool(changes([one], {AUDIT: there})) is (status in ("create", "replace"))


def test_what_is_placed_has_owner_and_mode_of_its_source_and_no_result_has_its_content() -> None:
    wanted = {"/etc/kubernetes": directory(mode="0755"), AUDIT: file("key", uid=7)}
    there = {"/etc/kubernetes": ABSENT, AUDIT: file("old", mode="0644")}
    files = placed(wanted, there, serves=False)
    above, below = changes(files, there)
    assert (above["action"], above["create"]) == ("directory", {"mode": "0755", "uid": 0, "gid": 0})
    assert below["attributes"] == {"mode": "0600", "uid": 7, "gid": 0}
    assert below["ground"] == {"digest": "sha256:old", "mode": "0644", "uid": 0, "gid": 0}
    assert below["edits"] == [{"op": "write", "content": "key"}]
    said = [told(one, there[one.path]) for one in files]
    assert "key" not in str(said)
    assert said[1]["before"]["mode"] == "0644"


def test_what_lies_elsewhere_is_named() -> None:
    config = named(LIST)
    others = {path: by for path, by in config.files.items() if path.startswith("/srv")}
    said = notes(others, {"/srv/oidc": directory(), "/srv/oidc/ca.crt": ABSENT}, config)
    assert [one.partition(", ")[0] for one in said] == ["/srv/oidc"]
    assert "the volume oidc of kube-apiserver names" in said[0]
