# SPDX-License-Identifier: Apache-2.0
"""Property: what the plan writes makes every control that it changes pass, and nothing is left to change."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import (
    CommandLine,
    declared,
)
from cksharden.catalog import load_controls
from cksharden.cluster import Cluster
from cksharden.evaluate import evaluate
from cksharden.facts import Collected, NodeFacts
from cksharden.model import Status
from cksharden.plan import make_plan
from cksharden.policy import Selection
from tests.unit.plugins.kubelet_section import CONFIG, DEFAULTS, DIRECTORY, FLAGS, entry, section

CONTROLS = tuple(
    one
    for one in load_controls()
    if one.control.kind == "kubelet_setting" and one.control.default == "enabled" and not one.control.needs
)
GROUND = {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0, "owner": "root", "group": "root"}
FLAG_VALUES = {
    "tls-min-version": ["VersionTLS12", "VersionTLS13"],
    "anonymous-auth": ["true", "false"],
    "event-qps": ["0", "5"],
    "pod-max-pids": ["0", "100"],
    "seccomp-default": ["true", "false"],
    "v": ["2"],
}
WRITTEN = ("--{}={}", "--{} {}")
flags = st.dictionaries(
    st.sampled_from(sorted(FLAG_VALUES)), st.tuples(st.integers(0, 1), st.sampled_from(WRITTEN)), max_size=4
).map(
    lambda chosen: [
        how.format(name, FLAG_VALUES[name][index % len(FLAG_VALUES[name])])
        for name, (index, how) in chosen.items()
    ]
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "tlsMinVersion": st.sampled_from(["VersionTLS12", "VersionTLS13"]),
        "eventRecordQPS": st.integers(0, 60),
        "podPidsLimit": st.integers(-1, 20000),
        "readOnlyPort": st.sampled_from([0, 10255]),
        "rotateCertificates": st.booleans(),
        "authentication": st.fixed_dictionaries(
            {"anonymous": st.fixed_dictionaries({"enabled": st.booleans()})}
        ),
        "tlsCipherSuites": st.lists(
            st.sampled_from(["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_AES_128_GCM_SHA256"])
        ),
    },
)


def _node(
    config: dict[str, Any],
    config_map: dict[str, Any],
    extra: list[str],
    kubeadm: list[str],
    drop_in: dict[str, Any] | None,
) -> NodeFacts:
    early = f"{DIRECTORY}/10-own.conf"
    words = [*([f"--config-dir={DIRECTORY}"] if drop_in is not None else []), *extra]
    files = {
        CONFIG: entry(_yaml(config)),
        DEFAULTS: entry(f'KUBELET_EXTRA_ARGS="{" ".join(words)}"\n'),
        FLAGS: entry(f'KUBELET_KUBEADM_ARGS="{" ".join(kubeadm)}"\n'),
    }
    if drop_in is not None:
        files[early] = entry(_yaml(drop_in))
    data = section(files=files, config_dir_files=[early] if drop_in is not None else [])
    for one in data["files"].values():
        one |= copy.deepcopy(GROUND)
    data["process"]["argv"] = ["kubelet", *_words(declared(data))]
    return _facts(data, config_map)


def _words(line: CommandLine) -> list[str]:
    return [word for flag in line.flags for word in flag.words]


def _yaml(data: dict[str, Any]) -> str:
    return apply_edits(None, [{"op": "merge_json", "values": data}]).decode()


def _facts(kubelet: dict[str, Any], config_map: dict[str, Any]) -> NodeFacts:
    sections = {"node": {"kind": "worker"}, "kubelet": kubelet, "files": {"patterns": {}}}
    whole = {name: {"schema": "1.0", "status": "ok", "data": data} for name, data in sections.items()}
    cluster = Cluster("cp1", frozenset({"w1"}), _yaml(config_map), None)
    return NodeFacts("w1", whole, cluster=cluster)


def _applied(facts: NodeFacts, config_map: dict[str, Any], items: list[dict[str, Any]]) -> NodeFacts:
    """The node after its transaction: files edited, kubelet restarted."""
    data = copy.deepcopy(facts.section("kubelet"))
    result = kubelet_changes(data, items)
    assert result["refused"] == []
    for change in result["changes"]:
        if change["action"] == "edit":
            file = data["files"].setdefault(
                change["path"], entry("") | copy.deepcopy(GROUND) | {"exists": False}
            )
            old = file["text"].encode() if file["exists"] else None
            file |= {"exists": True, "text": apply_edits(old, change["edits"]).decode()}
    before = sorted(data["process"]["argv"][1:])
    line = declared(data)
    data["process"]["argv"] = ["kubelet", *_words(line)]
    directory = line.last("config-dir")
    if directory is not None:
        data["config_dir_files"] = sorted(
            path for path in data["files"] if path.startswith(f"{directory.value}/")
        )
    expected = [*before, *result["argv"]["added"]]
    for flag in result["argv"]["removed"]:
        expected.remove(flag)
    assert sorted(data["process"]["argv"][1:]) == sorted(expected), "the gate compares with this command line"
    return _facts(data, config_map)


@given(configs, configs, flags, flags, st.none() | configs)
def test_one_apply_converges(
    config: dict[str, Any],
    config_map: dict[str, Any],
    extra: list[str],
    kubeadm: list[str],
    drop_in: dict[str, Any] | None,
) -> None:
    facts: Collected = {"w1": _node(config, config_map, extra, kubeadm, drop_in)}
    selection = Selection("cks", CONTROLS)
    before = evaluate(selection, facts, run="r")
    plan = make_plan(before, selection, facts)
    node = facts["w1"]
    assert isinstance(node, NodeFacts)
    after: Collected = {"w1": _applied(node, config_map, plan.hosts["w1"].settings["kubelet_settings"])}
    findings = evaluate(selection, after, run="r")
    assert [one.reason for one in findings.findings if one.status is not Status.PASS] == []
    assert not make_plan(findings, selection, after).changes
