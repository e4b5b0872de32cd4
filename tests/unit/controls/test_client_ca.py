# SPDX-License-Identifier: Apache-2.0
"""A kubelet that is told to read a CA that is not there does not start: only one that was seen is written."""

from __future__ import annotations

from typing import Any

from cksharden.catalog import load_controls
from cksharden.evaluate import evaluate
from cksharden.facts import NodeFacts
from cksharden.model import HostPlan
from cksharden.plan import make_plan
from cksharden.policy import Selection
from tests.unit.plugins.kubelet_section import section

CA = "/etc/kubernetes/pki/ca.crt"
GROUND = {"digest": "sha256:0", "mode": "0644", "uid": 0, "gid": 0, "owner": "root", "group": "root"}


def planned(*controls: str, there: bool) -> HostPlan:
    kubelet = section()
    kubelet["process"]["argv"] += ["--node-ip=10.0.0.1", "--v=2"]
    for one in kubelet["files"].values():
        one |= GROUND
    ca = {"path": CA, "real_path": CA, "exists": there, "error": None, **GROUND}
    sections: dict[str, Any] = {
        "node": {"kind": "worker"},
        "kubelet": kubelet,
        "files": {"patterns": {CA: {"matches": [ca], "error": None}}},
    }
    facts = NodeFacts(
        "w1", {name: {"schema": "1.0", "status": "ok", "data": data} for name, data in sections.items()}
    )
    chosen = tuple(one for one in load_controls() if one.control.id in controls)
    selection = Selection("p", chosen)
    return make_plan(evaluate(selection, {"w1": facts}, run="r"), selection, {"w1": facts}).hosts["w1"]


def test_a_ca_that_was_seen_is_written() -> None:
    host = planned("kubelet_client_ca_file", "kubelet_client_ca_mode", there=True)
    (item,) = host.settings["kubelet_settings"]
    assert (item["key"], item["value"]) == ("authentication.x509.clientCAFile", CA)


def test_a_ca_that_is_not_there_or_was_not_looked_for_is_not_written() -> None:
    gone = planned("kubelet_client_ca_file", "kubelet_client_ca_mode", there=False)
    unseen = planned("kubelet_client_ca_file", there=True)
    assert not gone.changes
    assert not unseen.changes
    assert [one.reason for one in (*gone.left_out, *unseen.left_out)] == [
        "it needs kubelet_client_ca_mode, which is unknown",
        "it needs kubelet_client_ca_mode, which is not selected",
    ]
