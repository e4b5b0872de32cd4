# SPDX-License-Identifier: Apache-2.0
"""A control plane that joined without the files that its manifests name is told so, and the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from cksharden.catalog import load_controls
from cksharden.cluster import Cluster
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.control_plane_file import ControlPlaneFileKind
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Status

KIND = ControlPlaneFileKind()
SPEC: Any = next(one.spec for one in load_controls() if one.control.id == "apiserver_anonymous_auth")
PATH = "/etc/kubernetes/cksharden/authentication-config.yaml"


def joined(*others: str) -> NodeFacts:
    """Return the facts of cp3, whose manifest names a file that is not there, so that nothing runs."""
    facts = KIND.example(SPEC, {"document": {"anonymous": {"enabled": False}}, "running": False})
    section = msgspec.json.decode(msgspec.json.encode(facts.sections["static_pods"]))
    section["data"]["files"] = {PATH: {"path": PATH, "exists": False}}
    files = {PATH: others} if others else {}
    cluster = Cluster("cp1", frozenset(), None, None, files=files)
    sections = facts.sections | {"static_pods": section}
    return replace(facts, host="cp3", sections=sections, cluster=cluster)


def test_it_is_named_with_who_has_it_and_the_command_that_places_it() -> None:
    found = KIND.judge(SPEC, joined("cp1", "cp2"))
    assert found.status is Status.FAIL
    assert (
        f"{PATH} is not there, and kube-apiserver does not start without it; cp1 and cp2 have it: "
        "`cksharden prepare INVENTORY --limit cp3` places it"
    ) in found.reason


@pytest.mark.parametrize("others", [(), ("cp1",)])
def test_only_what_another_one_has_can_be_placed(others: tuple[str, ...]) -> None:
    reason = KIND.judge(SPEC, joined(*others)).reason
    assert "kube-apiserver does not start without it" in reason
    assert ("cp1 has it: `cksharden prepare" in reason) is bool(others)


def test_where_nothing_is_known_of_the_cluster_it_is_still_missing() -> None:
    facts = replace(joined(), cluster="no control plane told of the cluster")
    assert KIND.judge(SPEC, facts).status is Status.FAIL


def test_apply_leaves_it() -> None:
    with pytest.raises((CannotRemedy, Unknown), match="does not exist"):
        KIND.remedy(SPEC, joined("cp1"))
