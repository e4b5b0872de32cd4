# SPDX-License-Identifier: Apache-2.0
"""What kubeadm leaves open in a control plane, and that the intent of the controls closes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.manifest_edits import edit_manifest
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import parse_manifest
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_items import resolved
from cksharden.catalog import load_controls
from cksharden.control_plane import COMPONENTS
from cksharden.evaluate import evaluate
from cksharden.facts import NodeFacts
from cksharden.kinds import KINDS
from cksharden.kinds.control_plane_file import together
from cksharden.model import Status
from cksharden.plan import make_plan
from cksharden.policy import Selection

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests"
VERSIONS = sorted(path.name for path in FIXTURES.glob("v*"))
CONTROLS = tuple(one for one in load_controls() if KINDS[one.control.kind].role == "static_pods")
SELECTION = Selection("p", CONTROLS)
Texts = dict[str, str]


def stock(version: str) -> Texts:
    return {name: (FIXTURES / version / f"{name}.yaml").read_text() for name in COMPONENTS}


def control_plane(manifests: Texts, files: Texts) -> NodeFacts:
    """A node whose processes and ConfigMap agree with its manifests."""

    def entry(path: str, text: str) -> dict[str, Any]:
        state = {
            "exists": True,
            "type": "file",
            "mode": "0600",
            "uid": 0,
            "gid": 0,
            "digest": f"sha256:{path}",
        }
        names = {"name": path.rpartition("/")[2], "path": path, "owner": "root", "group": "root"}
        return names | state | {"hidden": False, "text": text}

    directory = "/etc/kubernetes/manifests"
    static_pods = {
        "directory": directory,
        "entries": [entry(f"{directory}/{name}.yaml", text) for name, text in sorted(manifests.items())],
        "processes": {
            name: [{"pid": 1, "argv": parse_manifest(text, name).argv, "started": 1000.0}]
            for name, text in manifests.items()
        },
        "files": {path: entry(path, text) for path, text in files.items()},
    }
    rendered = {
        "kubernetes_version": "v1",
        "manifests": {name: {"text": text} for name, text in manifests.items()},
    }
    sections = {
        "node": {"kind": "control_plane"},
        "kubelet": {"version": "v1.37.2", "files": {}},
        "static_pods": static_pods,
        "rendered": rendered,
    }
    return NodeFacts(
        "cp1", {name: {"schema": "1.0", "status": "ok", "data": data} for name, data in sections.items()}
    )


def judged(facts: NodeFacts) -> dict[str, Status]:
    found = evaluate(Selection("p", CONTROLS), {"cp1": facts}, run="r").findings
    return {one.control: one.status for one in found}


def closed(manifests: Texts, files: Texts) -> tuple[Texts, Texts]:
    """Return manifests and files with the intent of every control that may be changed in them."""
    facts = control_plane(manifests, files)
    status = judged(facts)
    items = [
        {"control": one.control.id, **item}
        for one in CONTROLS
        if status[one.control.id] is Status.FAIL and one.control.default != "report_only"
        for item in KINDS[one.control.kind].remedy(one.spec, facts)
    ]
    values = {
        name: {
            option.name: parse_manifest(text, name).values(option.name)
            for option in parse_manifest(text, name).options
        }
        for name, text in manifests.items()
    }
    wanted, refused = resolved(together(items, facts), values)
    assert not refused
    written = {file["path"]: file["content"] for item in wanted for file in item["files"]}
    edited = {
        name: edit_manifest(
            text.encode(), name, [item for item in wanted if item["component"] == name]
        ).decode()
        for name, text in manifests.items()
    }
    return edited, files | written


@pytest.mark.parametrize("version", VERSIONS)
def test_kubeadm_leaves_open_what_is_known(version: str) -> None:
    status = judged(control_plane(stock(version), {}))
    assert Status.UNKNOWN not in status.values()
    assert {name for name, one in status.items() if one is Status.FAIL} == {
        "apiserver_always_pull_images",
        "apiserver_anonymous_auth",
        "apiserver_audit_access",
        "apiserver_audit_log_maxage",
        "apiserver_audit_log_maxbackup",
        "apiserver_audit_log_maxsize",
        "apiserver_audit_log_path",
        "apiserver_audit_policy",
        "apiserver_audit_secrets",
        "apiserver_audit_writes",
        "apiserver_deny_service_external_ips",
        "apiserver_event_rate_limit",
        "apiserver_event_rate_limits",
        "apiserver_kubelet_certificate_authority",
        "apiserver_pod_security_defaults",
        "apiserver_profiling",
        "apiserver_service_account_token_extension",
        "apiserver_tls_cipher_suites",
        "controller_manager_profiling",
        "controller_manager_terminated_pod_gc",
        "etcd_cipher_suites",
        "scheduler_profiling",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_the_intent_closes_all_that_is_changed_at_once(version: str) -> None:
    manifests, files = closed(stock(version), {})
    status = judged(control_plane(manifests, files))
    assert {name for name, one in status.items() if one is not Status.PASS} == {
        "apiserver_kubelet_certificate_authority",
    }
    assert closed(manifests, files) == (manifests, files)


def test_what_somebody_had_stays() -> None:
    manifests = stock("v1.37.2")
    theirs = manifests["kube-apiserver"].replace(
        "    - --secure-port=6443\n",
        "    - --secure-port=6443 # ours\n    - --event-ttl=2h\n    - --anonymous-auth=true\n",
    )
    edited, _files = closed(manifests | {"kube-apiserver": theirs}, {})
    assert "    - --secure-port=6443 # ours\n    - --event-ttl=2h\n" in edited["kube-apiserver"]
    assert "--anonymous-auth" not in edited["kube-apiserver"]
    options = parse_manifest(edited["kube-apiserver"], "m").values("enable-admission-plugins")
    assert options == ("NodeRestriction,AlwaysPullImages,DenyServiceExternalIPs,EventRateLimit",)


def test_a_version_without_a_feature_is_told_by_name() -> None:
    manifests = stock("v1.36.3")
    older = manifests["kube-apiserver"].replace(":v1.36.3\n", ":v1.33.4\n")
    facts = control_plane(manifests | {"kube-apiserver": older}, {})
    found = evaluate(SELECTION, {"cp1": facts}, run="r").findings
    (anonymous,) = (one for one in found if one.control == "apiserver_anonymous_auth")
    assert anonymous.status is Status.FAIL
    plan = make_plan(evaluate(SELECTION, {"cp1": facts}, run="r"), SELECTION, {"cp1": facts})
    reasons = {one.control: one.reason for one in plan.hosts["cp1"].left_out}
    assert reasons["apiserver_anonymous_auth"] == (
        "kube-apiserver reads what --authentication-config would name from 1.34 on, and this is 1.33"
    )


def test_a_control_that_waits_for_another_piece_of_work_names_it() -> None:
    facts = control_plane(stock("v1.37.2"), {})
    found = evaluate(SELECTION, {"cp1": facts}, run="r").findings
    (authority,) = (one for one in found if one.control == "apiserver_kubelet_certificate_authority")
    assert authority.status is Status.FAIL
    assert authority.reason.endswith("; first of all it needs kubelet_server_tls_bootstrap")
