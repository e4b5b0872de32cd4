# SPDX-License-Identifier: Apache-2.0
"""A node as Kubespray sets it up: everything about its kubelet is judged, and only what is certain is changed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import declared
from cksharden.catalog import Catalogued, load_controls
from cksharden.evaluate import evaluate
from cksharden.facts import NodeFacts
from cksharden.kinds import KINDS
from cksharden.model import Findings, HostPlan, Status
from cksharden.plan import make_plan
from cksharden.policy import Selection
from tests.unit.plugins.kubelet_section import DIRECTORY, entry

NODE = Path(__file__).parents[2] / "fixtures/kubespray/node"
UNIT = "/etc/systemd/system/kubelet.service"
ENVIRONMENT = "/etc/kubernetes/kubelet.env"
CONFIG = "/etc/kubernetes/kubelet-config.yaml"
KUBECONFIG = "/etc/kubernetes/kubelet.conf"
CA = "/etc/kubernetes/ssl/ca.crt"
KEY = "/var/lib/kubelet/pki/kubelet-client-current.pem"
GROUND = {"digest": "sha256:0", "mode": "0600", "uid": 0, "gid": 0, "owner": "root", "group": "root"}
CONTROLS = tuple(
    one for one in load_controls() if "cks" in one.control.profiles and one.control.id.startswith("kubelet_")
)


def node(flags: str = "") -> NodeFacts:
    """Kubespray's node with these kubelet_custom_flags."""
    environment = (NODE / "kubelet.env").read_text().replace(' "\n', f' {flags}"\n')
    files: dict[str, dict[str, Any]] = {
        UNIT: entry((NODE / "kubelet.service").read_text()),
        ENVIRONMENT: entry(environment),
        CONFIG: entry((NODE / "kubelet-config.yaml").read_text()),
        CA: {"exists": True, "error": None, "real_path": CA},
    }
    for one in files.values():
        one |= GROUND
    files[CA]["mode"] = "0644"
    kubelet: dict[str, Any] = {
        "node_name": "node4",
        "version": "v1.36.4",
        "unit": {"fragment_path": UNIT, "drop_in_paths": []},
        "config_dir_files": [],
        "patches": {"directory": "/etc/kubernetes/patches", "named": False, "files": []},
        "files": files,
    }
    argv = ["/usr/local/bin/kubelet", *map(str, declared(kubelet).flags)]
    kubelet["process"] = {"pid": 7, "argv": argv, "started": 200.0}
    asked = {one["path"] for each in CONTROLS for one in KINDS[each.control.kind].requests(each.spec)}
    sections = {
        "node": {"kind": "worker"},
        "kubelet": kubelet,
        "files": {"patterns": {path: {"matches": _seen(path), "error": None} for path in asked}},
    }
    whole = {name: {"schema": "1.0", "status": "ok", "data": data} for name, data in sections.items()}
    return NodeFacts("node4", whole)


def _seen(path: str) -> list[dict[str, Any]]:
    there = [one for one in (UNIT, KUBECONFIG, KEY) if PurePosixPath(one).match(path)]
    absent = [] if there or "*" in path else [path]
    return [
        {"path": one, "real_path": one, "exists": one in there, "error": None, **GROUND}
        for one in (*there, *absent)
    ]


def judged(facts: NodeFacts, controls: tuple[Catalogued, ...] = CONTROLS) -> Findings:
    return evaluate(Selection("cks", controls), {"node4": facts}, run="r")


def planned(facts: NodeFacts, *names: str) -> HostPlan:
    selection = Selection("cks", tuple(one for one in CONTROLS if one.control.id in names))
    return make_plan(judged(facts, selection.controls), selection, {"node4": facts}).hosts["node4"]


def test_the_command_line_is_read_over_all_its_lines() -> None:
    line = declared(node().section("kubelet"))
    assert [str(flag) for flag in line.flags] == [
        "--v=2",
        "--node-ip=10.0.0.12",
        "--hostname-override=node4",
        "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
        f"--config={CONFIG}",
        f"--kubeconfig={KUBECONFIG}",
        "--runtime-cgroups=/system.slice/containerd.service",
        "--volume-plugin-dir=/usr/libexec/kubernetes/kubelet-plugins/volume/exec",
    ]


def test_everything_about_the_kubelet_is_judged() -> None:
    findings = {one.control: one for one in judged(node()).findings}
    assert {name: one.reason for name, one in findings.items() if one.status is Status.UNKNOWN} == {}
    assert findings["kubelet_config_mode"].source == CONFIG
    assert findings["kubelet_client_ca_mode"].source == CA
    assert findings["kubelet_anonymous_auth"].source == CONFIG
    assert findings["kubelet_tls_min_version"].status is Status.FAIL


def test_without_a_drop_in_directory_nothing_of_the_kubelet_is_changed() -> None:
    host = planned(node(), "kubelet_tls_min_version", "kubelet_seccomp_default")
    assert not host.changes
    assert len(host.left_out) == 2
    for one in host.left_out:
        assert "kubelet.service does not expand $KUBELET_EXTRA_ARGS" in one.reason
        assert "Kubespray: kubelet_custom_flags" in one.reason


def test_with_one_in_kubelet_custom_flags_our_drop_in_is_all_that_changes() -> None:
    host = planned(node(f"--config-dir={DIRECTORY}"), "kubelet_tls_min_version", "kubelet_seccomp_default")
    assert [one.path for one in host.files] == [f"{DIRECTORY}/99-cksharden.conf"]
    assert host.left_out == ()


def test_a_custom_flag_that_overrides_is_left_to_people() -> None:
    flags = f"--config-dir={DIRECTORY} --tls-min-version=VersionTLS12"
    host = planned(node(flags), "kubelet_tls_min_version", "kubelet_seccomp_default")
    (left,) = host.left_out
    assert left.control == "kubelet_tls_min_version"
    assert left.reason.startswith(f"--tls-min-version in {ENVIRONMENT} overrides")
    assert [item["control"] for item in host.settings["kubelet_settings"]] == ["kubelet_seccomp_default"]
