# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest is planned for all control planes together, or for none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.manifest_edits import edit_manifest
from ansible_collections.cksharden.node.plugins.plugin_utils.key_names import new_name
from cksharden.apply import expected_roles
from cksharden.catalog import load_controls
from cksharden.cli.orders import check_new_key
from cksharden.cluster import Cluster
from cksharden.errors import UsageError
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts, Unreachable
from cksharden.kinds.encryption import readable
from cksharden.model import HostPlan, Plan, Status
from cksharden.plan import make_plan
from cksharden.policy import Selection
from cksharden.report.planned import plan_lines
from cksharden.report.sheet import Sheet
from tests.unit.stages.test_control_plane import control_plane, stock

FILE = "/etc/kubernetes/cksharden/encryption.yaml"
AT_REST, PROVIDER = "apiserver_encryption_at_rest", "apiserver_encryption_provider"
CONTROLS = tuple(one for one in load_controls() if one.control.id in (AT_REST, PROVIDER))
SELECTION = Selection("p", CONTROLS)
MOUNT = {"name": "cksharden-config", "path": "/etc/kubernetes/cksharden", "read_only": True}
ITEM = {"path": FILE, "resource": "secrets", "provider": "secretbox"}


def open_plane(host: str, version: str = "v1.37.2") -> NodeFacts:
    return dataclasses.replace(control_plane(stock(version), {}), host=host)


def closed_plane(
    host: str,
    *providers: str,
    stored: dict[str, int] | None = None,
    mount: str = "/etc/kubernetes/cksharden",
    file: str = FILE,
) -> NodeFacts:
    """A control plane that is told to encrypt by these providers, the first of which writes."""
    manifests = stock("v1.37.2")
    options = {"encryption-provider-config": file, "encryption-provider-config-automatic-reload": "true"}
    mounts = [MOUNT | {"path": mount, "type": "DirectoryOrCreate"}]
    items = [{"option": name, "value": value, "mounts": mounts} for name, value in options.items()]
    text = edit_manifest(manifests["kube-apiserver"].encode(), "kube-apiserver", items)
    keyed = '{keys: [{name: one, secret: "[redacted]"}]}'
    said = {"identity": "{}", "kms": "{apiVersion: v2, name: vault}"}
    listed = ", ".join(f"{{{name}: {said.get(name, keyed)}}}" for name in providers)
    entry = f"{{resources: [secrets], providers: [{listed}]}}"
    document = f"kind: EncryptionConfiguration\nresources: [{entry}]\n"
    facts = control_plane(manifests | {"kube-apiserver": text.decode()}, {file: document})
    facts.section("static_pods")["files"][file].update(mtime=0.0, redacted=True, digest=None)
    facts.section("static_pods")["stored"] = {} if stored is None else {"secrets": stored}
    return dataclasses.replace(facts, host=host)


def plan_of(*planes: NodeFacts | Unreachable, **more: Any) -> Plan:
    facts: Collected = {one.host: one for one in planes}
    return make_plan(evaluate(SELECTION, facts, run="r"), SELECTION, facts, **more)


def encryption(host: HostPlan) -> list[dict[str, Any]]:
    items = host.settings["encryption_settings"]
    return [{key: value for key, value in item.items() if key not in ("control", "ground")} for item in items]


def options(host: HostPlan) -> set[str]:
    return {item["option"] for item in host.settings["static_pods_settings"]}


def reasons(plan: Plan) -> dict[str, set[str]]:
    return {host: {one.reason for one in planned.left_out} for host, planned in plan.hosts.items()}


def test_what_kubeadm_leaves_open_gets_a_file_without_a_word_of_it_and_two_options() -> None:
    plan = plan_of(open_plane("cp1"))
    host = plan.hosts["cp1"]
    assert encryption(host) == [ITEM, ITEM]
    assert options(host) == {
        "encryption-provider-config",
        "encryption-provider-config-automatic-reload",
    }
    file = next(one for one in host.files if one.path == FILE)
    assert (file.action, file.secret, file.diff, file.after.mode) == ("create", True, "", "0600")
    assert file.after.digest is None
    assert host.restarts == ("kube-apiserver",)
    assert expected_roles(host) == ("static_pods", "encryption_1", "encryption_2")
    sheet = Sheet()
    plan_lines(sheet, plan)
    assert "Then: secrets are encrypted in etcd, by the key that is there, or else a new one" in sheet.text()


def test_one_that_encrypts_already_takes_part_and_nothing_of_its_own_changes() -> None:
    plan = plan_of(open_plane("cp1"), closed_plane("cp2", "secretbox", "identity"))
    assert encryption(plan.hosts["cp2"]) == encryption(plan.hosts["cp1"]) == [ITEM, ITEM]
    assert (plan.hosts["cp2"].settings["static_pods_settings"], plan.hosts["cp2"].files) == ([], ())


@pytest.mark.parametrize(
    ("others", "lacking", "told"),
    [
        ([], ("cp2",), "every control plane has to take part, and cp2 does not"),
        ([Unreachable("cp2", "no route", ("kube_control_plane",))], (), "and cp2 does not"),
        ([open_plane("cp2", "v1.36.3")], (), None),
        (
            [closed_plane("cp2", "identity", mount=FILE)],
            (),
            "on cp2 it is left out: /etc/kubernetes/cksharden/encryption.yaml is mounted as a single file",
        ),
    ],
)
def test_what_one_control_plane_can_not_do_none_does(
    others: list[NodeFacts | Unreachable], lacking: tuple[str, ...], told: str | None
) -> None:
    plan = plan_of(open_plane("cp1"), *others, lacking=lacking)
    assert plan.changes == (told is None)
    for found in reasons(plan).values():
        assert told is None or any(told in reason for reason in found)


def test_a_version_that_can_not_prove_what_it_has_loaded_is_left_out_by_name() -> None:
    facts = open_plane("cp1")
    for entry in facts.section("static_pods")["entries"]:
        entry["text"] = entry["text"].replace(":v1.37.2", ":v1.33.9")
    (found,) = reasons(plan_of(facts)).values()
    assert any("only an API server of 1.34 or later" in reason for reason in found)


def test_secrets_from_before_are_rewritten_where_the_file_is_right_already() -> None:
    facts = closed_plane(
        "cp1", "secretbox", "identity", stored={"k8s:enc:secretbox:v1:one": 3, "identity": 2}
    )
    found = evaluate(SELECTION, {"cp1": facts}, run="r").findings
    status = {one.control: (one.status, one.reason) for one in found}
    assert status[PROVIDER] == (
        Status.FAIL,
        "stored: etcd holds 2 secrets as identity (declared: " + (f"secrets in {FILE} is secretbox)"),
    )
    host = plan_of(facts).hosts["cp1"]
    assert (encryption(host), host.files, host.restarts) == ([ITEM], (), ())
    assert not plan_of(closed_plane("cp1", "secretbox", stored={"k8s:enc:secretbox:v1:one": 3})).changes


def test_a_kms_stays_where_old_secrets_are_still_plain() -> None:
    plan = plan_of(closed_plane("cp1", "kms", "identity", stored={"k8s:enc:kms:v2:vault": 3, "identity": 2}))
    assert not plan.changes
    (found,) = reasons(plan).values()
    assert any("has a KMS encrypt" in reason and "kubectl replace" in reason for reason in found)


def test_a_new_key_is_for_all_and_a_kms_makes_its_own() -> None:
    planes = [closed_plane(name, "aescbc", "identity") for name in ("cp1", "cp2")]
    plan = plan_of(*planes, new_key=True)
    check_new_key(plan)
    for host in plan.hosts.values():
        assert encryption(host) == [ITEM | {"rotation": "begin"}]
        assert [(file.path, file.action, file.secret) for file in host.files] == [(FILE, "edit", True)]
        assert expected_roles(host) == ("encryption_1", "encryption_2", "encryption_3")
    refused = plan_of(closed_plane("cp1", "kms"), new_key=True)
    with pytest.raises(UsageError, match="has a KMS encrypt, which makes its own keys"):
        check_new_key(refused)
    with pytest.raises(UsageError, match="is not asked of any control plane"):
        check_new_key(Plan("r", {}, ()))


def test_a_control_plane_that_can_not_read_what_another_one_writes_is_told_of() -> None:
    readers = {"cp1": ("k8s:enc:secretbox:v1:one", "identity"), "cp2": ("k8s:enc:kms:v2:vault",)}
    facts = closed_plane("cp1", "secretbox", "identity")
    assert readable(facts) == readers["cp1"]
    cluster = Cluster("cp1", frozenset(), None, None, readers=readers)
    facts = dataclasses.replace(facts, cluster=cluster)
    found = {one.control: one for one in evaluate(SELECTION, {"cp1": facts}, run="r").findings}
    assert found[PROVIDER].status is Status.FAIL
    assert "cp2 writes secrets as k8s:enc:kms:v2:vault, which this" in found[PROVIDER].reason


def test_a_control_plane_that_the_inventory_does_not_name_is_not_left_behind() -> None:
    cluster = Cluster("cp1", frozenset(), None, None, planes=frozenset({"cp1", "cp2"}))
    facts = dataclasses.replace(open_plane("cp1"), cluster=cluster)
    facts.section("kubelet")["node_name"] = "cp1"
    (found,) = reasons(plan_of(facts)).values()
    told = "every control plane has to take part, and cp2 does not: name it in the inventory"
    assert any(reason.endswith(told) for reason in found)


def test_a_rotation_that_was_cut_off_is_told_and_gone_on_with_by_all() -> None:
    old = "k8s:enc:secretbox:v1:one"
    both = (old, f"k8s:enc:secretbox:v1:{new_name('one')}")
    cluster = Cluster("cp1", frozenset(), None, None, readers={"cp1": both, "cp2": (old,)})
    planes = [
        dataclasses.replace(closed_plane(name, "secretbox", "identity"), cluster=cluster)
        for name in ("cp1", "cp2")
    ]
    found = evaluate(SELECTION, {one.host: one for one in planes}, run="r").findings
    told = {one.host: one for one in found if one.control == PROVIDER}
    assert (told["cp1"].status, told["cp2"].status) == (Status.FAIL, Status.PASS)
    assert "a run ended between its rounds" in told["cp1"].reason
    for host in plan_of(*planes).hosts.values():
        assert encryption(host) == [ITEM | {"rotation": "finish"}]
        assert expected_roles(host) == ("encryption_1", "encryption_2", "encryption_3")


@pytest.mark.parametrize(("mode", "changes"), [("0600", False), ("0640", True)])
def test_a_file_that_others_can_read_becomes_private(mode: str, *, changes: bool) -> None:
    facts = closed_plane("cp1", "secretbox", "identity")
    facts.section("static_pods")["files"][FILE]["mode"] = mode
    plan = plan_of(facts)
    assert plan.changes is changes
    if changes:
        (file,) = plan.hosts["cp1"].files
        assert (file.path, file.after.mode) == (FILE, "0600")


def test_a_kms_whose_file_others_can_read_is_for_its_owner_to_close() -> None:
    facts = closed_plane("cp1", "kms", "identity")
    facts.section("static_pods")["files"][FILE]["mode"] = "0640"
    (found,) = reasons(plan_of(facts)).values()
    assert any(reason.endswith(f"makes its own keys: chmod 0600 {FILE}") for reason in found)


def test_where_etcd_does_not_answer_it_is_not_known_how_it_holds_secrets() -> None:
    facts = closed_plane("cp1", "secretbox", "identity")
    facts.section("static_pods")["stored_error"] = "no answer in 15 s"
    found = {one.control: one for one in evaluate(SELECTION, {"cp1": facts}, run="r").findings}
    assert found[PROVIDER].status is Status.UNKNOWN
    assert "how etcd holds secrets is not known: no answer in 15 s" in found[PROVIDER].reason
    assert not plan_of(facts).changes


def test_a_file_of_somebody_else_keeps_its_place() -> None:
    path = "/etc/kubernetes/enc/theirs.yaml"
    facts = closed_plane("cp1", "identity", file=path, mount="/etc/kubernetes/enc")
    host = plan_of(facts).hosts["cp1"]
    assert encryption(host) == [ITEM | {"path": path}]
    assert [(file.path, file.action) for file in host.files] == [(path, "edit")]
    assert options(host) == set()
