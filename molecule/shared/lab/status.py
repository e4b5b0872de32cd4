# SPDX-License-Identifier: Apache-2.0
"""What the lab of this machine looks like right now."""

from __future__ import annotations

import json
from typing import Any

from lab.network import KUBECTL
from lab.podman import container_states, execute
from lab.progress import say
from lab.state import read_state
from lab.topology import TOPOLOGIES, control_planes
from lab.up import require_root

ANSWER_SECONDS = 15


def status() -> int:
    """Print the lab's nodes; return 0 when the whole lab works, else 1."""
    require_root()
    state = read_state()
    if state is None:
        say("no lab on this machine; `up` makes one")
        return 1
    say(f"lab: {state.describe()}")
    containers = container_states()
    known = _nodes(state.topology, containers)
    whole = state.phase == "ready"
    say(f"{'NODE':6}{'ADDRESS':16}{'ROLE':16}{'MACHINE':10}{'KUBELET':10}CLUSTER")
    for node in TOPOLOGIES[state.topology]:
        machine = containers.get(node.name, "missing")
        # The API server calls a node Ready for a while after it went silent.
        nothing = ("-", "-") if node.role == "load_balancer" else ("unknown", "unknown")
        version, joined = known.get(node.name, nothing)
        whole = whole and machine == "running" and joined in {"-", "Ready"}
        say(f"{node.name:6}{node.address:16}{node.role:16}{machine:10}{version:10}{joined}")
    if not whole:
        say("not everything works; `up` repairs it or makes it anew")
    return 0 if whole else 1


def _nodes(topology: str, containers: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Ask the first control plane that answers which kubelet each node runs and whether it is Ready."""
    for node in control_planes(topology):
        if containers.get(node.name) != "running":
            continue
        asked = ["timeout", str(ANSWER_SECONDS), *KUBECTL, "get", "nodes", "--output", "json"]
        answer = execute(node.name, asked, expect=None)
        if answer.returncode == 0:
            items = json.loads(answer.stdout)["items"]
            return {item["metadata"]["name"]: _shown(item["status"]) for item in items}
    return {}


def _shown(status: dict[str, Any]) -> tuple[str, str]:
    states = {condition["type"]: condition["status"] for condition in status["conditions"]}
    return status["nodeInfo"]["kubeletVersion"], "Ready" if states.get("Ready") == "True" else "NotReady"
