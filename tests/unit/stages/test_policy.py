# SPDX-License-Identifier: Apache-2.0
"""Which controls are asked of which host, with which values; what is not exactly right is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from cksharden.catalog import load_controls
from cksharden.errors import CkshardenError, ExitCode, ProfileError, UsageError
from cksharden.evaluate import evaluate
from cksharden.facts import NodeFacts
from cksharden.policy import Selection, record, recorded
from cksharden.policy_files import select
from tests.unit.stages.test_plan import node

CATALOGUE = load_controls()
PIDS = "kubelet_pod_pids_limit"
OWN = "id: own\ntitle: Own\n"


def selection(directory: Path, *texts: str, only: tuple[str, ...] = ()) -> Selection:
    """Write profiles p0.yml, p1.yml, ...; return what the last one selects."""
    for number, text in enumerate(texts):
        (directory / f"p{number}.yml").write_text(text)
    return select(CATALOGUE, str(directory / f"p{len(texts) - 1}.yml"), only)


def asked(chosen: Selection, *groups: str) -> dict[str, dict[str, Any]]:
    return {one.control.id: one.control.with_ for one in chosen.for_host("w1", groups)}


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        (
            f"parameters:\n  {PIDS}: {{at_mots: 5}}",
            4,
            f"parameters.{PIDS}.at_mots",
            "there is no key `at_mots`",
        ),
        (
            f"parameters:\n  {PIDS}:\n    at_most: many",
            5,
            f"parameters.{PIDS}.at_most",
            "whole number, not a text",
        ),
        (f"parameters:\n  {PIDS}: {{set: 20000}}", 4, f"parameters.{PIDS}", "does not meet"),
        (f"parameters:\n  {PIDS}: {{at_most: 100}}", 4, f"parameters.{PIDS}", "that does too"),
        (f"parameters:\n  {PIDS}: {{equals: 100}}", 4, f"parameters.{PIDS}", "exactly one of"),
        (f"parameters:\n  {PIDS}: {{key: maxPods}}", 4, f"parameters.{PIDS}", "is not changed"),
        (f"parameters:\n  {PIDS}: 100", 4, f"parameters.{PIDS}", "no mapping"),
        ("parameters:\n  kubelet_static_pod_path: {is_set: true}", 4, "parameters", "say absent too"),
        ("parameters:\n  kubelet_event_qps: {default: 5}", 4, "parameters", "is not changed"),
        ("parameters:\n  kubelet_config_mode: {max_mode: 0640}", 4, "parameters.kubelet_config_mode", ""),
        ("parameters: {kubelet_pids: {}}", 3, "parameters", "no such control: 'kubelet_pids'"),
        ("parameters: []", 3, "parameters", "`parameters` must be a mapping, not a list"),
        ("include: [3]", 3, "include.0", "each of `include` must be a text, not a whole number"),
        ("3: x", 1, "", "every key must be a text"),
        ("groups:\n  3: {}", 3, "groups", "every key must be a text, not a whole number"),
        (f"include: [{PIDS}]\nexclude: [{PIDS}]", 4, "exclude", "included and excluded"),
        ("groups:\n  edge: {inclde: []}", 4, "groups.edge.inclde", "inclde"),
        ("groups:\n  edge: [x]", 4, "groups.edge", "`edge` must be a mapping, not a list"),
        ("groups:\n  edge: {include: [x]}", 4, "groups.edge.include", "no such control: 'x'"),
        ("groups:\n  edge:\n    exclude: [x]", 5, "groups.edge.exclude", "no such control: 'x'"),
        (
            f"groups:\n  edge:\n    parameters:\n      {PIDS}: {{set: 0}}",
            6,
            f"groups.edge.parameters.{PIDS}",
            "does not meet",
        ),
        ("extends: nothing.yml", 3, "extends", "nothing.yml"),
        ("extends: p0.yml", 3, "extends", "own extends p0.yml"),
    ],
)
def test_a_bad_profile_names_file_line_key_and_mend(
    tmp_path: Path, text: str, line: int, key: str, said: str
) -> None:
    with pytest.raises(CkshardenError) as caught:
        selection(tmp_path, OWN + text + "\n")
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert error.file == f"{tmp_path / 'p0.yml'}:{line}"
    assert (error.key or "").startswith(key)
    assert said in error.message
    assert error.mend


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("extend: cks", "did you mean extends?"),
        ("groups: {edge: {inclde: []}}", "did you mean include?"),
        (f"parameters: {{{PIDS}: {{at_mots: 5}}}}", "did you mean at_most?"),
        ("parameters: {kubelet_config_mode: {max_mode: 0640}}", "write it in quotes"),
        ("colour: red", "see docs/profiles-and-waivers.md"),
    ],
)
def test_the_mend_names_what_was_meant(tmp_path: Path, text: str, mend: str) -> None:
    with pytest.raises(CkshardenError) as caught:
        selection(tmp_path, OWN + text + "\n")
    assert caught.value.mend == mend


def test_a_circle_of_profiles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"one extends two extends p1\.yml"):
        selection(tmp_path, "id: two\ntitle: t\nextends: p1.yml\n", "id: one\ntitle: t\nextends: p0.yml\n")


def test_a_file_is_extended_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.yml").write_text("id: base\ntitle: t\nextends: ../root.yml\n")
    (tmp_path / "root.yml").write_text(f"id: root\ntitle: t\ninclude: [{PIDS}]\n")
    chosen = selection(tmp_path, "id: own\ntitle: t\nextends: shared/base.yml\n")
    assert (chosen.profile, list(asked(chosen))) == ("own", [PIDS])


ALL = st.sampled_from([5000, 6000, 7000])
SAID = st.fixed_dictionaries({}, optional={"at_most": ALL, "set": st.sampled_from([100, 200])})
CHOICE = st.fixed_dictionaries(
    {"asks": st.sampled_from(["include", "exclude", None]), "values": SAID},
)
LAYER = st.fixed_dictionaries({"own": CHOICE, "groups": st.dictionaries(st.sampled_from("abc"), CHOICE)})


def _written(number: int, layer: dict[str, Any]) -> str:
    def choice(said: dict[str, Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {said["asks"]: [PIDS]} if said["asks"] else {}
        return parts | ({"parameters": {PIDS: said["values"]}} if said["values"] else {})

    extends = {"extends": f"p{number - 1}.yml"} if number else {}
    groups = {"groups": {name: choice(said) for name, said in layer["groups"].items()}}
    return yaml.safe_dump({"id": "own", "title": "t"} | extends | choice(layer["own"]) | groups)


def _flat(said: list[dict[str, Any]]) -> tuple[str | None, dict[str, Any]]:
    """Return the last word on each thing."""
    values: dict[str, Any] = {}
    for one in said:
        values |= one["values"]
    return next((one["asks"] for one in reversed(said) if one["asks"]), None), values


def _says(asks: str) -> dict[str, Any]:
    return {"own": {"asks": None, "values": {}}, "groups": {"a": {"asks": asks, "values": {}}}}


@example([_says("include"), _says("exclude")], {"a"})
@example([_says("exclude"), _says("include")], {"a"})
@given(st.lists(LAYER, min_size=1, max_size=3), st.sets(st.sampled_from("abcd")))
def test_a_group_beats_the_profile_and_a_profile_what_it_extends(
    layers: list[dict[str, Any]], mine: set[str]
) -> None:
    """The model: of all hosts the last word of the chain counts, a group's own beats it, and groups agree."""
    asks, values = _flat([layer["own"] for layer in layers])
    of_groups = [
        _flat([layer["groups"][name] for layer in layers if name in layer["groups"]]) for name in sorted(mine)
    ]
    words = {word for word, _ in of_groups if word}
    tuned: dict[str, Any] = {}
    clash = False
    for _, said in of_groups:
        clash |= any(tuned.get(key, value) != value for key, value in said.items())
        tuned |= said
    excluded = (words or {asks or "exclude"}) == {"exclude"}
    with tempfile.TemporaryDirectory() as place:
        chosen = selection(Path(place), *(_written(*pair) for pair in enumerate(layers)))
    known = PIDS in [one.control.id for one in chosen.controls]
    if known and (len(words) == 2 or (clash and not excluded)):
        with pytest.raises(ProfileError, match=r"w1 is in the groups [abc] and [abc], which"):
            asked(chosen, *mine)
        return
    found = asked(chosen, *mine)
    assert (PIDS in found) is (not excluded)
    if not excluded:
        own = next(one for one in CATALOGUE if one.control.id == PIDS).control.with_
        assert found[PIDS] == own | values | tuned
    elif known:
        assert chosen.why_not(PIDS, mine)


TWO = """
groups:
  edge:
    parameters: {kubelet_pod_pids_limit: {at_least: 5000, set: 5000}}
  small:
    parameters: {kubelet_pod_pids_limit: {at_most: 4096}}
"""


def test_values_of_two_groups_that_do_not_go_together_are_refused_with_both_named(tmp_path: Path) -> None:
    chosen = selection(tmp_path, f"{OWN}include: [{PIDS}]{TWO}")
    assert asked(chosen, "edge")[PIDS]["at_least"] == 5000
    with pytest.raises(ProfileError, match="w1 is in the groups edge and small") as caught:
        chosen.check({"edge": ["w1", "w2"], "small": ["w1"], "all": ["w1", "w2"]})
    assert caught.value.file == f"{tmp_path / 'p0.yml'}:7"
    chosen.check({"edge": ["w1"], "small": ["w2"]})


@pytest.mark.parametrize("name", ["egde", "all", "ungrouped"])
def test_an_unknown_group_is_refused_with_those_of_the_inventory(tmp_path: Path, name: str) -> None:
    chosen = selection(tmp_path, f"{OWN}groups:\n  {name}:\n    exclude: [{PIDS}]\n")
    with pytest.raises(ProfileError) as caught:
        chosen.check({"all": ["w1"], "ungrouped": [], "edge": ["w1"], "etcd": []})
    assert (caught.value.file, caught.value.key) == (f"{tmp_path / 'p0.yml'}:4", f"groups.{name}")
    assert "edge, etcd" in (caught.value.mend or "")
    chosen.check({})  # recorded facts that do not say which groups there are


def test_a_named_control_has_the_values_of_the_profile_and_stays_out_where_a_group_leaves_it_out(
    tmp_path: Path,
) -> None:
    text = f"{OWN}parameters: {{{PIDS}: {{at_most: 5000}}}}\ngroups: {{edge: {{exclude: [{PIDS}]}}}}\n"
    chosen = selection(tmp_path, text, only=(PIDS,))
    assert asked(chosen)[PIDS]["at_most"] == 5000
    assert asked(chosen, "edge") == {}
    assert "the group edge" in chosen.why_not(PIDS, ["edge"])
    assert {group: bool(one) for group, one in chosen.variants(PIDS).items()} == {"": True, "edge": False}


def test_what_a_group_has_to_bring_is_collected_too(tmp_path: Path) -> None:
    text = (
        "include: [kubelet_config_mode]\ngroups:\n  edge:\n    include: [kubelet_kubeconfig_mode]\n"
        "    parameters: {kubelet_config_mode: {paths: [/srv/kubelet.yaml]}}\n"
    )
    chosen = selection(tmp_path, OWN + text)
    paths = [file["path"] for file in chosen.request()["files"]]
    assert {"/srv/kubelet.yaml", "/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf"} <= set(paths)
    assert "kubelet_kubeconfig_mode" not in asked(chosen)
    assert "of the group edge only" in chosen.why_not("kubelet_kubeconfig_mode", ["kube_node"])
    assert asked(chosen, "edge")["kubelet_config_mode"]["paths"] == ["/srv/kubelet.yaml"]
    assert chosen.variants("kubelet_kubeconfig_mode")[""] is None


def test_a_group_may_tune_what_another_group_of_the_host_includes(tmp_path: Path) -> None:
    text = (
        "groups:\n  edge: {include: [kubelet_config_mode]}\n"
        "  old: {parameters: {kubelet_config_mode: {paths: [/srv/kubelet.yaml]}}}\n"
    )
    chosen = selection(tmp_path, OWN + text)
    assert asked(chosen, "edge", "old")["kubelet_config_mode"]["paths"] == ["/srv/kubelet.yaml"]
    assert "/srv/kubelet.yaml" in [file["path"] for file in chosen.request()["files"]]
    found = chosen.variants("kubelet_config_mode")
    assert {group: bool(one) for group, one in found.items()} == {"": False, "edge": True, "old": False}


@pytest.mark.parametrize(("groups", "noted"), [((), True), (("kube_node",), False)])
def test_facts_without_groups_are_told_of(tmp_path: Path, groups: tuple[str, ...], noted: bool) -> None:
    chosen = selection(tmp_path, f"{OWN}include: [{PIDS}]\ngroups: {{edge: {{exclude: [{PIDS}]}}}}\n")
    found = evaluate(chosen, {"w1": NodeFacts("w1", node().sections, groups)}, run="r")
    assert bool(found.notes) is noted
    assert all("of edge was not applied" in note for note in found.notes)


def test_what_a_run_has_kept_asks_the_same_again(tmp_path: Path) -> None:
    text = (
        f"extends: cks\nparameters: {{{PIDS}: {{at_most: 5000}}}}\n"
        "groups: {edge: {exclude: [kubelet_tls_min_version], include: [kubelet_config_mode]}}\n"
    )
    chosen = selection(tmp_path, OWN + text)
    kept = recorded(record(chosen, ()), CATALOGUE)
    for groups in ([], ["edge"], ["edge", "kube_node"]):
        assert asked(kept, *groups) == asked(chosen, *groups)
    assert (kept.profile, kept.named, kept.grouped) == (chosen.profile, chosen.named, chosen.grouped)
    without = [one for one in CATALOGUE if one.control.id != PIDS]
    with pytest.raises(UsageError, match=PIDS):
        recorded(record(chosen, ()), without)
    other = msgspec.structs.replace(record(chosen, ()), controls={PIDS: {"key": 3}})
    with pytest.raises(UsageError, match=PIDS) as caught:
        recorded(other, CATALOGUE)
    assert "the version of cksharden that made the run" in (caught.value.mend or "")
