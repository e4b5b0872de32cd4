# SPDX-License-Identifier: Apache-2.0
"""Kubelet settings become changes of files, or a reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_changes import kubelet_changes
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import Flag
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_flags import overrides
from cksharden.catalog import load_controls
from tests.unit.plugins.kubelet_section import (
    CONFIG,
    DEFAULTS,
    DIRECTORY,
    FLAGS,
    KUBEADM,
    OWN,
    entry,
    section,
)

TLS = {"control": "tls", "key": "tlsMinVersion", "value": "VersionTLS13", "flag": "tls-min-version"}
DROP_IN = f"{DIRECTORY}/99-cksharden.conf"


def node(extra: str = "", live: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    """A kubelet whose KUBELET_EXTRA_ARGS are `extra`, and whose process agrees with its files."""
    data = section(**changes)
    grounded = {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0}
    if extra:
        data["files"][DEFAULTS] = entry(f'KUBELET_EXTRA_ARGS="{extra}"\n')
    for one in data["files"].values():
        one |= grounded
    arguments = ["--node-ip=10.0.0.1", "--v=2", *extra.split(), *(live or [])]
    data["process"]["argv"] = ["kubelet", f"--config={CONFIG}", *arguments]
    return data


def test_the_first_change_adds_directory_drop_in_and_flag() -> None:
    result = kubelet_changes(node("--v=4"), [TLS])
    directory, drop_in, defaults = result["changes"]
    assert directory["action"] == "directory"
    assert directory["path"] == DIRECTORY
    assert drop_in["path"] == DROP_IN
    assert drop_in["ground"] is None
    assert drop_in["edits"][0]["values"]["tlsMinVersion"] == "VersionTLS13"
    assert defaults["edits"] == [
        {"op": "prepend_flag", "variable": "KUBELET_EXTRA_ARGS", "flag": "config-dir", "value": DIRECTORY}
    ]
    assert defaults["ground"] == {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0}
    assert result["restart"] == "kubelet.service"
    assert result["argv"] == {"added": [f"--config-dir={DIRECTORY}"], "removed": []}


def test_a_flag_that_overrides_is_removed_where_it_stands() -> None:
    files = {FLAGS: entry('KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --v=2 --tls-min-version=VersionTLS12"\n')}
    result = kubelet_changes(node(files=files, live=["--tls-min-version=VersionTLS12"]), [TLS])
    edit = next(change for change in result["changes"] if change["path"] == FLAGS)
    assert edit["edits"] == [
        {"op": "remove_flag", "variable": "KUBELET_KUBEADM_ARGS", "flag": "tls-min-version"}
    ]
    assert result["argv"]["removed"] == ["--tls-min-version=VersionTLS12"]
    assert not result["daemon_reload"]


@pytest.mark.parametrize(
    ("flag", "key", "value", "refused"),
    [
        ("--tls-min-version=VersionTLS12", "tlsMinVersion", "VersionTLS13", True),
        ("--tls_min_version=VersionTLS12", "tlsMinVersion", "VersionTLS13", True),
        ("--kube-api-qps=7", "kubeAPIQPS", 50, True),
        ("--anonymous-auth", "authentication.anonymous.enabled", False, True),
        ("--anonymous-auth", "authentication", {"anonymous": {"enabled": False}}, True),
        ("--anonymous-auth", "authentication", {"webhook": {"enabled": True}}, False),
        ("--authorization-mode=AlwaysAllow", "authorization.mode", "Webhook", True),
        ("--eviction-hard=memory.available<5%", "evictionHard", {"memory.available": "100Mi"}, True),
        ("--feature-gates=A=true,B=true", "featureGates", {"B": False}, True),
        ("--feature-gates=A=true,B=true", "featureGates.C", False, False),
        ("--tls-cipher-suites=X", "tlsMinVersion", "VersionTLS13", False),
    ],
)
def test_a_flag_that_overrides_and_is_not_named_is_told_and_not_taken_away(
    flag: str, key: str, value: Any, refused: bool
) -> None:
    result = kubelet_changes(node(flag), [{"key": key, "value": value}])
    assert bool(result["changes"]) is not refused
    name = flag.partition("=")[0].replace("_", "-")
    reasons = [one["reason"] for one in result["refused"]]
    assert all(reason.startswith(f"{name} in {DEFAULTS} overrides {key}") for reason in reasons)
    assert all(reason.endswith(f"say `flag: {name[2:]}` to have that done") for reason in reasons)
    assert bool(reasons) is refused


def test_the_controls_name_the_flags_that_override_them() -> None:
    settings = [
        one.control.with_
        for one in load_controls()
        if one.control.kind == "kubelet_setting" and "key" in one.control.with_
    ]
    for setting in settings:
        flag = Flag(setting.get("flag", ""), f"{setting['key'].rpartition('.')[2]}=true", DEFAULTS)
        assert overrides(flag, setting["key"]) is ("flag" in setting), setting


def test_a_flag_in_a_drop_in_of_the_administrator_needs_a_daemon_reload() -> None:
    own = '[Service]\nEnvironment="OWN_ARGS=--tls-min-version=VersionTLS12"\nExecStart=\n'
    own += "ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $OWN_ARGS $KUBELET_EXTRA_ARGS\n"
    data = node(files={OWN: entry(own)}, live=["--tls-min-version=VersionTLS12"])
    data["unit"]["drop_in_paths"].append(OWN)
    result = kubelet_changes(data, [TLS])
    edit = next(change for change in result["changes"] if change["path"] == OWN)
    assert edit["edits"] == [{"op": "remove_unit_flag", "flag": "tls-min-version"}]
    assert result["daemon_reload"]


def test_a_flag_in_a_package_file_stays_and_is_named() -> None:
    data = node(live=["--tls-min-version=VersionTLS12"])
    unit = data["files"][KUBEADM]
    unit["text"] = unit["text"].replace(
        "$KUBELET_EXTRA_ARGS", "$KUBELET_EXTRA_ARGS --tls-min-version=VersionTLS12"
    )
    result = kubelet_changes(data, [TLS])
    assert result["changes"] == []
    assert result["restart"] is None
    assert KUBEADM in result["refused"][0]["reason"]


def test_a_flag_in_a_continued_line_is_read_and_only_its_item_is_refused() -> None:
    continued = 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 \\\n--v=2 \\\n--tls-min-version=VersionTLS12"\n'
    other = {"control": "seccomp", "key": "seccompDefault", "value": True, "flag": "seccomp-default"}
    data = node(files={FLAGS: entry(continued)}, live=["--tls-min-version=VersionTLS12"])
    result = kubelet_changes(data, [TLS, other])
    (refused,) = result["refused"]
    assert refused["control"] == "tls"
    assert refused["reason"].startswith(f"{FLAGS} is not edited: KUBELET_KUBEADM_ARGS is quoted or continued")
    assert FLAGS not in [change["path"] for change in result["changes"]]
    assert result["argv"]["removed"] == []


def test_a_later_drop_in_of_somebody_else_is_named_and_not_fought() -> None:
    later = f"{DIRECTORY}/zz.conf"
    data = node(f"--config-dir={DIRECTORY}", files={later: entry("tlsMinVersion: VersionTLS12\n")})
    data["config_dir_files"] = [later]
    assert later in kubelet_changes(data, [TLS])["refused"][0]["reason"]


def test_an_earlier_drop_in_is_overridden_by_ours() -> None:
    early = f"{DIRECTORY}/00.conf"
    data = node(f"--config-dir={DIRECTORY}", files={early: entry("tlsMinVersion: VersionTLS12\n")})
    data["config_dir_files"] = [early]
    result = kubelet_changes(data, [TLS])
    assert [change["path"] for change in result["changes"]] == [DROP_IN]
    assert result["argv"] == {"added": [], "removed": []}


def test_what_holds_already_changes_nothing_and_restarts_nothing() -> None:
    ours = '{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", '
    ours += '"tlsMinVersion": "VersionTLS13"}\n'
    data = node(f"--config-dir={DIRECTORY}", files={DROP_IN: entry(ours)})
    data["config_dir_files"] = [DROP_IN]
    result = kubelet_changes(data, [TLS])
    assert (result["changes"], result["restart"], result["refused"]) == ([], None, [])


def test_somebody_elses_change_that_waits_for_a_restart_is_not_activated() -> None:
    data = node("--v=4")
    data["process"]["argv"].remove("--v=4")
    assert "restart the kubelet, then plan again" in kubelet_changes(data, [TLS])["refused"][0]["reason"]


def test_an_old_kubelet_without_a_drop_in_directory_is_refused() -> None:
    assert "--config-dir" in kubelet_changes(node(version="v1.30.4"), [TLS])["refused"][0]["reason"]


def test_extra_args_that_a_unit_sets_are_not_replaced_by_a_file() -> None:
    own = '[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--v=4"\n'
    data = node(files={OWN: entry(own), DEFAULTS: entry("\n")}, live=["--v=4"])
    data["unit"]["drop_in_paths"].append(OWN)
    assert f"{OWN} sets KUBELET_EXTRA_ARGS" in kubelet_changes(data, [TLS])["refused"][0]["reason"]


@pytest.mark.parametrize(
    "words",
    [
        ["--tls-min-version=VersionTLS12"],
        ["--tls-min-version", "VersionTLS12"],
        ["--tls_min_version=VersionTLS12"],
    ],
)
def test_the_gate_is_told_the_words_of_a_removed_flag_as_they_are_written(words: list[str]) -> None:
    result = kubelet_changes(node(" ".join(words)), [TLS])
    assert result["argv"]["removed"] == words
    edits = next(change["edits"] for change in result["changes"] if change["path"] == DEFAULTS)
    assert {"op": "remove_flag", "variable": "KUBELET_EXTRA_ARGS", "flag": "tls-min-version"} in edits


def test_a_slash_behind_the_drop_in_directory_changes_nothing() -> None:
    early = f"{DIRECTORY}/00.conf"
    data = node(f"--config-dir={DIRECTORY}/", files={early: entry("tlsMinVersion: VersionTLS12\n")})
    data["config_dir_files"] = [early]
    assert [change["path"] for change in kubelet_changes(data, [TLS])["changes"]] == [DROP_IN]
