# SPDX-License-Identifier: Apache-2.0
"""What of a change of static pods is held against kubeadm's rendering, with which kubeadm-config."""

from __future__ import annotations

from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.rendered_ahead import tomorrow
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import static_pod_changes
from tests.unit.plugins.static_pods_section import AUDIT, DIRECTORY, POLICY, section


def option(name: str, value: str, component: str = "kube-apiserver", **more: Any) -> dict[str, Any]:
    return {"control": name, "component": component, "option": name, "value": value, **more}


def compared(*settings: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = section()
    return tomorrow(found, list(settings), static_pod_changes(found, list(settings)))


def test_each_manifest_that_changes_is_compared_with_what_it_will_say() -> None:
    audit = option("audit-policy-file", POLICY["path"], mounts=[AUDIT], files=[POLICY])
    manifests, items = compared(audit, option("profiling", "false", "kube-scheduler"))
    assert {name: one["path"] for name, one in manifests.items()} == {
        "kube-apiserver": f"{DIRECTORY}/kube-apiserver.yaml",
        "kube-scheduler": f"{DIRECTORY}/kube-scheduler.yaml",
    }
    assert [(one["option"], one["values"], one["mounts"]) for one in items] == [
        ("audit-policy-file", [POLICY["path"]], [AUDIT]),
        ("profiling", ["false"], []),
    ]


def test_what_kubeadm_config_can_not_say_is_not_compared() -> None:
    manifests, items = compared(
        option("token", "Bearer [redacted]"), option("profiling", "false", "kube-scheduler")
    )
    assert list(manifests) == ["kube-scheduler"]
    assert [one["component"] for one in items] == ["kube-scheduler"]
