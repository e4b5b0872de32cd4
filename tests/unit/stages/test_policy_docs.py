# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/profiles-and-waivers.md are the files that it links to, and both are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cksharden.catalog import load_controls
from cksharden.policy_files import select
from cksharden.waivers import load

DOCS = Path(__file__).parents[3] / "docs"
INVENTORY = {"all": ["cp1", "w1"], "kube_control_plane": ["cp1"], "kube_node": ["w1"]}


@pytest.mark.parametrize("name", ["profile.yml", "waivers.yml"])
def test_the_page_shows_the_file(name: str) -> None:
    page = (DOCS / "profiles-and-waivers.md").read_text()
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    text = (DOCS / "examples" / name).read_text()
    assert re.sub(r"\A(#.*\n)+", "", text) in shown


def test_the_files_can_be_used() -> None:
    controls = load_controls()
    chosen = select(controls, str(DOCS / "examples" / "profile.yml"))
    chosen.check(INVENTORY)
    limit = {
        group: one and one.spec.expected for group, one in chosen.variants("kubelet_pod_pids_limit").items()
    }
    assert limit == {"": "at least 1 and at most 8192", "kube_node": "at least 1024 and at most 2048"}
    waivers = load(DOCS / "examples", [one.control.id for one in controls])
    waivers.check(INVENTORY)
    assert len(waivers.waivers) == 2
