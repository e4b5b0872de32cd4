# SPDX-License-Identifier: Apache-2.0
"""Failing findings become intent; everything else is left alone, with its reason."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from cksharden.catalog import Catalogued, load_controls
from cksharden.cluster import Cluster
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts, Unreachable
from cksharden.model import Plan, Status
from cksharden.plan import make_plan
from cksharden.policy import Selection
from tests.unit.plugins.kubelet_section import CONFIG, CONFIG_TEXT, DEFAULTS, DIRECTORY, entry, section

CONTROLS = {one.control.id: one for one in load_controls()}
GROUND = {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0, "owner": "root", "group": "root"}


def _section(data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "1.0", "status": "ok", "reason": "", "data": data}


def node(host: str = "w1", kind: str = "worker", *, config_mode: str = "0644") -> NodeFacts:
    """A node as kubeadm leaves it."""
    kubelet = section(node_name=host)
    kubelet["process"]["argv"] += ["--node-ip=10.0.0.1", "--v=2"]
    for one in kubelet["files"].values():
        one |= copy.deepcopy(GROUND)
    kubelet["files"][CONFIG]["mode"] = config_mode
    config = {
        "path": CONFIG,
        "real_path": CONFIG,
        "exists": True,
        "error": None,
        **GROUND,
        "mode": config_mode,
    }
    files = {"patterns": {CONFIG: {"matches": [config], "error": None}}}
    sections = {"node": _section({"kind": kind}), "kubelet": _section(kubelet), "files": _section(files)}
    return NodeFacts(host, sections, cluster=Cluster("cp1", frozenset({host}), CONFIG_TEXT, None))


def plan_of(facts: Collected, *controls: str, named: frozenset[str] = frozenset()) -> Plan:
    chosen: tuple[Catalogued, ...] = tuple(CONTROLS[name] for name in controls)
    selection = Selection("p", chosen, named)
    return make_plan(evaluate(selection, facts, run="r"), selection, facts)


def test_a_failing_setting_becomes_an_item_with_the_ground_of_every_file_it_touches() -> None:
    host = plan_of({"w1": node()}, "kubelet_tls_min_version").hosts["w1"]
    (item,) = host.settings["kubelet_settings"]
    assert (item["key"], item["value"]) == ("tlsMinVersion", "VersionTLS13")
    assert item["ground"][DEFAULTS] == {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0}
    assert item["ground"][f"{DIRECTORY}/99-cksharden.conf"] is None
    assert host.restarts == ("kubelet",)


def test_the_diff_is_the_file_that_the_node_will_write() -> None:
    files = {one.path: one for one in plan_of({"w1": node()}, "kubelet_tls_min_version").hosts["w1"].files}
    defaults = files[DEFAULTS]
    assert f"-KUBELET_EXTRA_ARGS=\n+KUBELET_EXTRA_ARGS=--config-dir={DIRECTORY}\n" in defaults.diff
    drop_in = files[f"{DIRECTORY}/99-cksharden.conf"]
    assert drop_in.action == "create"
    assert '+  "tlsMinVersion": "VersionTLS13"\n' in drop_in.diff


def test_a_file_with_a_secret_shows_no_line_of_it() -> None:
    facts = node()
    facts.section("kubelet")["files"][DEFAULTS] |= entry("HTTPS_PROXY=[redacted]\n") | {"redacted": True}
    files = {one.path: one for one in plan_of({"w1": facts}, "kubelet_tls_min_version").hosts["w1"].files}
    assert (files[DEFAULTS].diff, files[DEFAULTS].secret, files[DEFAULTS].after.digest) == ("", True, None)


def test_unknown_passing_and_report_only_controls_are_never_changed() -> None:
    broken = node()
    broken.section("kubelet")["files"][CONFIG]["error"] = "permission denied"
    plan = plan_of({"w1": broken}, "kubelet_tls_min_version", "kubelet_config_owner")
    assert not plan.changes
    plan = plan_of({"w1": node()}, "kubelet_protect_kernel_defaults")
    assert not plan.changes
    assert "report only" in plan.hosts["w1"].left_out[0].reason


def test_what_needs_a_failing_control_that_is_left_out_is_left_out_too() -> None:
    own = CONTROLS["kubelet_tls_min_version"]
    needing = dataclasses.replace(
        own, control=msgspec.structs.replace(own.control, needs=("kubelet_server_tls_bootstrap",))
    )
    selection = Selection("p", (needing, CONTROLS["kubelet_server_tls_bootstrap"]))
    facts: Collected = {"w1": node()}
    host = make_plan(evaluate(selection, facts, run="r"), selection, facts).hosts["w1"]
    assert not host.changes
    assert host.left_out[0].reason == (
        "it needs kubelet_server_tls_bootstrap, which is left out: it is report only: cksharden does not change it"
    )


def test_unreachable_hosts_are_in_no_plan() -> None:
    assert plan_of({"w1": Unreachable("w1", "no route")}, "kubelet_tls_min_version").hosts == {}


def test_control_planes_change_one_by_one_before_the_workers() -> None:
    facts: Collected = {name: node(name) for name in ("w1", "w2")}
    facts |= {name: node(name, "control_plane") for name in ("cp1", "cp2")}
    assert plan_of(facts, "kubelet_tls_min_version").order == (("cp1",), ("cp2",), ("w1", "w2"))


def test_a_mode_that_the_same_run_changes_is_the_ground_of_the_kubelet_role() -> None:
    facts = node()
    kubelet = facts.section("kubelet")["files"]
    files = facts.section("files")["patterns"]
    found = {"path": DEFAULTS, "real_path": DEFAULTS, "exists": True, "error": None, **GROUND}
    files[CONFIG]["matches"] = [found]
    host = plan_of({"w1": facts}, "kubelet_config_mode", "kubelet_tls_min_version").hosts["w1"]
    assert host.settings["file_access_settings"][0]["ground"] == {
        DEFAULTS: {"mode": "0644", "uid": 0, "gid": 0}
    }
    assert host.settings["kubelet_settings"][0]["ground"][DEFAULTS]["mode"] == "0600"
    assert kubelet[DEFAULTS]["mode"] == "0644", "the facts themselves stay as they were collected"


KEYS = "/var/lib/kubelet/pki/*.key"
PEMS = "/var/lib/kubelet/pki/*.pem"
ERROR = {"schema": "1.0", "status": "error", "reason": "took too long", "data": None}


def with_keys(*more: dict[str, Any]) -> NodeFacts:
    """A node with a key that others may read, and more entries of the same glob."""
    path = "/var/lib/kubelet/pki/kubelet.key"
    key = {"path": path, "real_path": path, "exists": True, "error": None, **GROUND, "parents": []}
    facts = node()
    patterns = {KEYS: {"matches": [key, *more], "error": None}, PEMS: {"matches": [], "error": None}}
    facts.section("files")["patterns"] |= patterns
    return facts


def changed(plan: Plan, host: str) -> list[str]:
    return [item["path"] for item in plan.hosts[host].settings["file_access_settings"]]


def test_a_file_changes_where_the_section_of_the_kubelet_failed() -> None:
    facts = with_keys()
    facts.sections["kubelet"] = ERROR
    plan = plan_of({"w1": facts, "w2": node("w2")}, "kubelet_client_key_access", "kubelet_config_mode")
    assert changed(plan, "w1") == ["/var/lib/kubelet/pki/kubelet.key"]
    assert changed(plan, "w2") == [CONFIG]


def test_an_entry_that_can_not_be_read_does_not_keep_the_others_from_being_changed() -> None:
    unread = dict.fromkeys(GROUND) | {"path": "/var/lib/kubelet/pki/round.key", "real_path": None}
    facts = with_keys(unread | {"exists": None, "error": "Too many levels of symbolic links"})
    plan = plan_of({"w1": facts}, "kubelet_client_key_access")
    assert changed(plan, "w1") == ["/var/lib/kubelet/pki/kubelet.key"]
    assert plan.hosts["w1"].left_out == ()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda key: key.update(real_path=None), "AttributeError: "),
        (lambda key: key.pop("gid"), "KeyError: 'gid'"),
    ],
    ids=["remedy", "changes"],
)
def test_a_kind_that_crashes_leaves_its_control_out_and_no_other_host(
    spoil: Callable[[dict[str, Any]], Any], reason: str
) -> None:
    facts = with_keys()
    spoil(facts.section("files")["patterns"][KEYS]["matches"][0])
    plan = plan_of({"w1": facts, "w2": node("w2")}, "kubelet_client_key_access", "kubelet_config_mode")
    assert changed(plan, "w2") == [CONFIG]
    (left,) = plan.hosts["w1"].left_out[:1]
    assert left.control == "kubelet_client_key_access"
    assert left.reason.startswith(f"file_access failed on these facts: {reason}")


def test_a_node_of_a_kind_that_nobody_knows_is_in_no_plan() -> None:
    assert set(plan_of({"w1": node(kind="etcd"), "w2": node("w2")}, "kubelet_config_mode").hosts) == {"w2"}


@pytest.mark.parametrize(
    ("groups", "status"), [(("kube_control_plane",), Status.UNKNOWN), (("kube_node",), Status.NOT_APPLICABLE)]
)
def test_a_control_plane_of_the_inventory_that_looks_like_a_worker_is_not_judged_as_one(
    groups: tuple[str, ...], status: Status
) -> None:
    names = ("kube_apiserver_manifest_mode", "kubelet_static_pod_path", "kubelet_tls_min_version")
    selection = Selection("p", tuple(CONTROLS[name] for name in names))
    found = evaluate(selection, {"cp1": replace(node("cp1"), groups=groups)}, run="r").findings
    assert found[0].status is status
    assert (found[1].status is Status.UNKNOWN) == (status is Status.UNKNOWN)
    assert found[2].status is Status.FAIL


def test_exactly_one_finding_for_each_control_and_host_whatever_the_facts_are() -> None:
    facts: Collected = {
        "good": node("good"),
        "gone": Unreachable("gone", "timed out"),
        "empty": NodeFacts("empty", {}),
        "odd": NodeFacts("odd", {"node": _section({"kind": "worker"}), "kubelet": _section({"unit": 7})}),
        "newer": NodeFacts("newer", {"node": {"schema": "2.0", "status": "ok", "data": {"kind": "worker"}}}),
        "none": NodeFacts("none", {"node": _section({"kind": "none"})}),
    }
    chosen = tuple(CONTROLS.values())
    findings = evaluate(Selection("p", chosen), facts, run="r")
    pairs = [(one.control, one.host) for one in findings.findings]
    assert sorted(pairs) == sorted((one.control.id, host) for one in chosen for host in facts)
    for host in ("gone", "empty", "newer", "none"):
        assert {one.status for one in findings.findings if one.host == host} == {Status.UNKNOWN}
    odd = {one.status for one in findings.findings if one.host == "odd"}
    assert odd <= {Status.UNKNOWN, Status.NOT_APPLICABLE}
