# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the swap: what kubeadm will make of tomorrow's kubeadm-config is what is to be written."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import apply_edits
from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import (
    ConfigurationError,
    with_settings,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.config_map import read_config
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import check_request
from ansible_collections.cksharden.node.plugins.plugin_utils.kept_settings import declared_settings
from ansible_collections.cksharden.node.plugins.plugin_utils.planned import NotPlannedError
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import run_on_node

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

_SECONDS = 90


def check_ahead(
    action: ActionBase,
    sections: dict[str, Any],
    settings: list[dict[str, Any]],
    changes: dict[str, Any],
    variables: dict[str, Any],
) -> None:
    """Refuse changes of manifests that the next kubeadm upgrade would not write so.

    changes: of static_pod_changes. Where kubeadm or kubeadm-config can't be asked nothing is refused.

    Raises NotPlannedError, RemoteError.
    """
    manifests, items = tomorrow(sections["static_pods"]["data"], settings, changes)
    found = read_config(action, variables) if manifests else {"config": "unknown"}
    if found["config"] != "read":
        return
    try:
        text = with_settings(found["text"], items)
    except ConfigurationError as reason:
        raise NotPlannedError(str(reason)) from reason
    patches = action._templar.template(variables.get("kubeadm_patches_dir"))  # noqa: SLF001  Ansible's way for plugins
    payload = {
        "request": check_request({"schema": "1.1", "patches_dir": patches}),
        "node_name": ((sections.get("kubelet") or {}).get("data") or {}).get("node_name")
        or sections["node"]["data"]["hostname"].lower(),
        "configuration": text,
        "manifests": manifests,
    }
    answer = run_on_node(action, "render_ahead", payload, variables, _SECONDS)
    if answer["ahead"] == "other":
        raise NotPlannedError(answer["reason"])


def tomorrow(
    section: dict[str, Any], settings: list[dict[str, Any]], changes: dict[str, Any]
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Return component -> {path, edits} of what is compared, and the items of kubeadm-config that go with it.

    A manifest with a setting that kubeadm-config can't get is not compared.
    """
    edits = {one["path"]: one["edits"] for one in changes["changes"] if one.get("edits")}
    after = copy.deepcopy({**section, "files": {}})
    for entry in after["entries"]:
        if entry["path"] in edits:
            entry["text"] = apply_edits(entry["text"].encode(), edits[entry["path"]]).decode()
    items = declared_settings(after, settings)
    out = {one["component"] for one in items if one["reason"]}
    manifests = {
        name: {"path": path, "edits": edits[path]}
        for name, path in changes["gate"]["manifests"].items()
        if path in edits and name not in out
    }
    return manifests, [one for one in items if not one["reason"]]
