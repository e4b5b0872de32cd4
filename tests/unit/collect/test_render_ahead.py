# SPDX-License-Identifier: Apache-2.0
"""What is to be written is refused where the next upgrade would write something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import render_ahead
from tests.unit.collect.conftest import FIXTURES, FakeNode
from tests.unit.collect.test_kubeadm_render import CONFIGURATION
from tests.unit.collect.test_rendered import REQUEST, server
from tests.unit.node.api_server import ApiServer

__all__ = ["server"]
ITEM = {"option": "profiling", "value": "false", "mounts": []}
EDIT = {"op": "manifest", "component": "kube-scheduler", "items": [ITEM]}


def kubeadm(node: FakeNode, written: str) -> dict[str, str]:
    """A kubeadm that writes an option into the scheduler's manifest where the configuration says profiling."""
    node.program(
        "kubeadm",
        f"""cat /dev/stdin > {node.root}/$3.given
cd {FIXTURES}/v1.37.2
[ $3 = etcd ] && cp etcd.yaml "$KUBEADM_INIT_DRYRUN_DIR" && exit
grep -q refused {node.root}/$3.given && echo 'error: no such option' >&2 && exit 1
cp kube-*.yaml "$KUBEADM_INIT_DRYRUN_DIR"
grep -q profiling {node.root}/$3.given || exit 0
sed -i 's/^    - kube-scheduler/&\\n    - {written}/' "$KUBEADM_INIT_DRYRUN_DIR/kube-scheduler.yaml"
""",
    )
    return {"path": f"{node.root}/bin/kubeadm", "version": "v1.37.2"}


def ahead(
    node: FakeNode,
    tmp_path: Path,
    *,
    written: str = "--profiling=false",
    configuration: str = "profiling",
    live: tuple[str, str] = ("", ""),
) -> dict[str, Any]:
    path = tmp_path / "kube-scheduler.yaml"
    path.write_text((FIXTURES / "v1.37.2/kube-scheduler.yaml").read_text().replace(*live))
    payload = {
        "request": REQUEST,
        "node_name": "cp1",
        "configuration": f"{CONFIGURATION}# {configuration}\n",
        "manifests": {"kube-scheduler": {"path": str(path), "edits": [EDIT]}},
    }
    return render_ahead.ahead(payload, kubeadm(node, written))


@pytest.mark.usefixtures("server")
def test_what_kubeadm_would_write_as_well_is_the_same(node: FakeNode, tmp_path: Path) -> None:
    assert ahead(node, tmp_path) == {"ahead": "same"}
    assert ahead(node, tmp_path, live=("failureThreshold: 24", "failureThreshold: 48")) == {"ahead": "same"}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"written": "--profiling=maybe"},
            "would write - --profiling=maybe into kube-scheduler in place of - --profiling=false",
        ),
        (
            {"configuration": "nothing"},
            "would write nothing into kube-scheduler in place of - --profiling=false",
        ),
        ({"configuration": "refused"}, "kubeadm would not take it: .*no such option"),
    ],
)
def test_what_it_would_write_otherwise_is_refused(
    node: FakeNode, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    answer = ahead(node, tmp_path, **changes)  # type: ignore[arg-type]
    assert answer["ahead"] == "other"
    assert re.search(told, answer["reason"])


def test_what_was_edited_by_hand_or_can_not_be_rendered_is_not_compared(
    node: FakeNode, tmp_path: Path, server: ApiServer
) -> None:
    by_hand = ahead(
        node, tmp_path, written="--x", live=("    - --leader-elect=true", "    - --leader-elect=false")
    )
    assert by_hand == {"ahead": "unknown", "reason": "they were edited by hand"}
    server.objects.clear()
    assert ahead(node, tmp_path, written="--x")["ahead"] == "unknown"
