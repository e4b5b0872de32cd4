# SPDX-License-Identifier: Apache-2.0
"""The plan of a control plane: every file, every restart, and what kubeadm is to keep."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.planned import NotPlannedError, changes_of
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts
from cksharden.model import HostPlan, Plan, PlannedFile
from cksharden.plan import make_plan
from cksharden.policy import Selection
from cksharden.predict import step
from cksharden.report.planned import plan_lines
from cksharden.report.sheet import Sheet
from tests.unit.stages.test_control_plane import CONTROLS, control_plane, stock

MANIFESTS = "/etc/kubernetes/manifests"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def plan_of(facts: Collected, *controls: str) -> Plan:
    chosen = tuple(one for one in CONTROLS if not controls or one.control.id in controls)
    selection = Selection("p", chosen)
    return make_plan(evaluate(selection, facts, run="r"), selection, facts)


def planned(facts: NodeFacts, *controls: str) -> HostPlan:
    return plan_of({"cp1": facts}, *controls).hosts["cp1"]


def by_path(plan: HostPlan) -> dict[str, PlannedFile]:
    return {file.path: file for file in plan.files}


def shown(plan: Plan) -> str:
    sheet = Sheet()
    plan_lines(sheet, plan)
    return sheet.text()


def with_file(facts: NodeFacts, name: str, text: str) -> NodeFacts:
    entries = facts.section("static_pods")["entries"]
    entries.append(entries[0] | {"name": name, "path": f"{MANIFESTS}/{name}", "text": text})
    entries.sort(key=lambda entry: str(entry["name"]))
    return dataclasses.replace(facts)


def test_the_control_plane_that_leads_etcd_is_the_last() -> None:
    facts: Collected = {}
    for name in ("cp1", "cp2", "cp3"):
        found = dataclasses.replace(control_plane(stock("v1.37.2"), {}), host=name)
        found.section("static_pods")["leads_etcd"] = {"cp1": True, "cp2": None, "cp3": False}[name]
        facts[name] = found
    assert plan_of(facts, "scheduler_profiling").order == (("cp2",), ("cp3",), ("cp1",))


def test_files_come_first_then_etcd_then_the_others() -> None:
    plan = planned(control_plane(stock("v1.37.2"), {}))
    paths = [file.path for file in plan.files]
    assert paths[0] == "/etc/kubernetes/cksharden"
    assert paths[-4:] == [f"{MANIFESTS}/{name}.yaml" for name in COMPONENTS]
    assert all(path.startswith("/etc/kubernetes/cksharden/") for path in paths[1:-4])
    assert plan.restarts == COMPONENTS


def test_files_that_kubeadm_config_will_name_are_announced_to_who_joins_later() -> None:
    facts: Collected = {"cp1": control_plane(stock("v1.37.2"), {})}
    assert "joins later needs their files before: `cksharden prepare`" in shown(plan_of(facts))
    assert "cksharden prepare" not in shown(plan_of(facts, "scheduler_profiling"))


def test_only_what_changes_restarts_and_the_diff_is_the_line_that_changes() -> None:
    plan = planned(control_plane(stock("v1.37.2"), {}), "scheduler_profiling")
    (file,) = plan.files
    changed = [line for line in file.diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["+    - --profiling=false"]
    assert (file.action, file.controls) == ("edit", ("scheduler_profiling",))
    assert plan.restarts == ("kube-scheduler",)


def test_the_role_takes_what_was_planned_and_nothing_that_has_moved() -> None:
    facts = control_plane(stock("v1.37.2"), {})
    settings = planned(facts).settings["static_pods_settings"]
    assert changes_of("static_pods", settings, facts.sections, "")["restart"] == "static_pods"
    facts.section("static_pods")["entries"][1]["digest"] = "sha256:moved"
    with pytest.raises(NotPlannedError, match=r"kube-apiserver\.yaml has changed since the plan"):
        changes_of("static_pods", settings, facts.sections, "")


def test_a_second_definition_goes_and_its_pod_is_announced_as_restarting() -> None:
    manifests = stock("v1.37.2")
    facts = with_file(control_plane(manifests, {}), "kube-scheduler.yaml.bak", manifests["kube-scheduler"])
    plan = plan_of({"cp1": facts}, "static_pod_manifests")
    files = by_path(plan.hosts["cp1"])
    assert files[f"{MANIFESTS}/kube-scheduler.yaml.bak"].action == "remove"
    assert files[f"{MANIFESTS}/kube-scheduler.yaml"].diff == ""
    assert plan.hosts["cp1"].restarts == ("kube-scheduler",)
    assert "defines a pod a second time" in shown(plan)
    assert "kubeadm-config" not in shown(plan)


def test_what_holds_in_the_manifest_alone_is_kept_without_a_restart() -> None:
    manifests = stock("v1.37.2")
    line = "    - --leader-elect=true\n"
    theirs = manifests["kube-scheduler"].replace(line, f"{line}    - --profiling=false\n")
    facts = control_plane(manifests | {"kube-scheduler": theirs}, {})
    facts.section("rendered")["manifests"]["kube-scheduler"]["text"] = manifests["kube-scheduler"]
    plan = plan_of({"cp1": facts}, "scheduler_profiling")
    assert (plan.hosts["cp1"].files, plan.hosts["cp1"].restarts) == ((), ())
    assert plan.changes
    assert "--profiling of kube-scheduler" in shown(plan)


def test_a_mode_that_the_same_run_changes_is_the_ground_of_the_static_pods() -> None:
    facts = control_plane(stock("v1.37.2"), {})
    entry = next(one for one in facts.section("static_pods")["entries"] if one["name"] == "etcd.yaml")
    path = entry["path"]
    seen = entry | {"real_path": path, "error": None}
    patterns = {path: {"matches": [seen], "error": None}}
    facts.sections["files"] = {"schema": "1.0", "status": "ok", "data": {"patterns": patterns}}
    item = {"control": "c", "path": path, "mode": "0400", "owner": None, "group": None}
    done = step("file_access", [item], facts)
    after = {one["path"]: one["mode"] for one in done.after.section("static_pods")["entries"]}
    assert after[path] == "0400"
