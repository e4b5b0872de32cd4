# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeadm-config as a control plane reads, keeps and writes it, seen from the controller.

Its text may hold secrets: it passes through the process of an action plugin, and is in no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.cksharden.node.plugins.plugin_utils.cluster_configuration import ConfigurationError
from ansible_collections.cksharden.node.plugins.plugin_utils.remote import run_on_node

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

_SECONDS = 30


def absent_control_planes(variables: dict[str, Any]) -> str:
    """Return the control planes of the inventory that are not of this play: "" for none.

    One that has said itself that it is in no cluster yet is none: it joins by what is kept then.
    """
    named = set(variables["groups"].get("kube_control_plane", ())) - set(variables["ansible_play_hosts"])
    kinds = {str(host): variables["hostvars"][host].get("cksharden_node_kind") for host in named}
    return ", ".join(sorted(host for host, kind in kinds.items() if kind != "none"))


def unlisted_control_planes(action: ActionBase, variables: dict[str, Any]) -> str:
    """Return all control planes of the cluster where the play has fewer of them: "" for none.

    Raises ConfigurationError where no API server tells.
    """
    answer = run_on_node(action, "kubeadm_config", {"do": "planes"}, variables, _SECONDS)
    if answer["config"] != "planes":
        raise ConfigurationError(f"the control planes of the cluster are not known: {answer['reason']}")
    return more_than(answer["planes"], variables["ansible_play_hosts"])


def more_than(planes: Sequence[str], hosts: Sequence[str]) -> str:
    """Return the names of Nodes, "" where there are hosts enough for them; each goes by a name of its own."""
    return ", ".join(planes) if len(planes) > len(hosts) else ""


def read_config(action: ActionBase, variables: dict[str, Any]) -> dict[str, Any]:
    """Return {"config": "read", "version", "text"}, or "unknown" with a reason where it can't be asked."""
    return run_on_node(action, "kubeadm_config", {"do": "read"}, variables, _SECONDS)


def kept_config(action: ActionBase, of: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return {"config": "kept", "before", "after"} of a run, "none" where this node keeps nothing of it."""
    return run_on_node(action, "kubeadm_config", {"do": "kept", "run": of}, variables, _SECONDS)


def write_config(
    action: ActionBase, found: dict[str, Any], text: str, runs: dict[str, str], variables: dict[str, Any]
) -> None:
    """Replace what was read by a text, which the node keeps beside it.

    runs: `run`, and `of` for a rollback. Raises ConfigurationError where it stays as it was.
    """
    wanted = {"do": "write", "version": found["version"], "before": found["text"], "after": text, **runs}
    answer = run_on_node(action, "kubeadm_config", wanted, variables, _SECONDS)
    if answer["config"] == "moved":
        raise ConfigurationError("somebody changed kubeadm-config meanwhile: nothing was written")
    if answer["config"] != "written":
        raise ConfigurationError(f"kubeadm-config can't be written: {answer['reason']}")
