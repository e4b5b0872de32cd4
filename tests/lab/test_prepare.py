# SPDX-License-Identifier: Apache-2.0
"""A third control plane joins a hardened cluster: prepared, it just works; forgotten, what `check` says.

The cluster is hardened while it has two, and the third is left half joined: nothing else can be tried on it
afterwards.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lab import testing
from lab.kubeadm import Secrets, as_yaml, join_documents
from lab.network import connect_pods
from lab.topology import endpoint

from tests.lab import faults
from tests.lab.command import ROOT, cksharden, findings

pytestmark = [pytest.mark.ha, pytest.mark.control_plane]

JOINS = "cp3"
OTHERS = ("cp1", "cp2")
WHOLE = "inventories/lab-ha"
CONTROLS = ("apiserver_anonymous_auth", "apiserver_audit_policy", "apiserver_audit_log_path")
CHOSEN = [word for name in CONTROLS for word in ("--control", name)]
FILES = "/etc/kubernetes/cksharden"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of all runs."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def hardened(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cluster whose two control planes have files that kubeadm-config names, and a third machine."""
    reset()
    inventory = tmp_path_factory.mktemp("two")
    (inventory / "group_vars").symlink_to(ROOT / WHOLE / "group_vars")
    hosts = (ROOT / WHOLE / "hosts.yml").read_text(encoding="utf-8")
    (inventory / "hosts.yml").write_text(re.sub(rf" +{JOINS}:\n( +ansible_host: .*\n)?", "", hosts))
    applied = cksharden("apply", str(inventory), *CHOSEN, "--yes", "--quiet", runs=runs, timeout=600)
    assert applied.code == 0, applied.out + applied.err
    planned = (runs / applied.run / "plan.json").read_text(encoding="utf-8")
    assert FILES in planned


def reset() -> None:
    """Take the third control plane out of the cluster, and leave nothing of it on the machine."""
    # In this order: without its Node, kubeadm leaves its member in etcd.
    testing.run(JOINS, ["kubeadm", "reset", "--force"], timeout=180)
    testing.run(JOINS, ["rm", "--recursive", "--force", FILES])
    # The load balancer takes a moment to notice.
    ask = ("get", "--raw", "/readyz")
    faults.wait(
        lambda: all(testing.kubectl(*ask, check=False).returncode == 0 for _ in range(6)), 60, "no API server"
    )
    testing.kubectl("delete", "node", JOINS, "--ignore-not-found")


def join(seconds: int | None = None) -> Any:
    """Have the third machine join; seconds: how long kubeadm waits for what it has started."""
    key = testing.run("cp1", "kubeadm init phase upload-certs --upload-certs").stdout.split()[-1]
    words = testing.run("cp1", "kubeadm token create --print-join-command").stdout
    token, digest = (
        re.search(f"--{name} (\\S+)", words) for name in ("token", "discovery-token-ca-cert-hash")
    )
    assert token, words
    assert digest, words
    address = endpoint("ha")
    assert address is not None
    (document,) = join_documents(testing.node(JOINS), address, digest[1], Secrets(token[1], key))
    if seconds is not None:
        # On this machine the kubelet registers through the API server that does not start.
        document["timeouts"] = dict.fromkeys(
            ("controlPlaneComponentHealthCheck", "tlsBootstrap"), f"{seconds}s"
        )
    testing.run(JOINS, "cat > /root/join.yaml", stdin=as_yaml([document]).decode())
    return testing.run(
        JOINS, ["kubeadm", "join", "--config", "/root/join.yaml"], check=seconds is None, timeout=300
    )


def serves() -> bool:
    """Say whether the third machine's own API server answers."""
    ask = "curl --insecure --silent --fail --max-time 3 https://localhost:6443/readyz"
    return testing.run(JOINS, ask, check=False).returncode == 0


def prepare(runs: Path, *words: str) -> dict[str, str]:
    """Run `prepare` as it is asked for by a program; return path -> what was to be done with it."""
    ended = cksharden(
        "prepare", WHOLE, "--limit", JOINS, "--yes", "--quiet", "--format", "json", *words, runs=runs
    )
    assert ended.code == 0, ended.out + ended.err
    (host,) = json.loads(ended.out)["prepare"]["hosts"]
    assert host["source"] == "cp1"
    return {file["path"]: file["status"] for file in host["files"]}


def listed(name: str) -> str:
    """Return what a control plane has of the files, with attributes and digests."""
    look = f"find {FILES} -type f -printf '%p %m %U %G\\n' -exec sha256sum {{}} ';' | sort"
    return testing.run(name, look).stdout


@pytest.mark.usefixtures("hardened")
def test_one_that_is_prepared_joins_and_passes(runs: Path) -> None:
    placed = prepare(runs)
    assert list(placed.values()).count("create") == 3, placed
    assert listed(JOINS) == listed("cp1")
    assert set(prepare(runs).values()) == {"as_there"}
    join()
    assert serves()
    connect_pods(testing.node("cp1"), testing.nodes())
    testing.wait_ready()
    found = findings(WHOLE, *CHOSEN, runs=runs)
    assert {one["status"] for one in found.values() if one["host"] != "w1"} == {"pass"}, found


@pytest.mark.usefixtures("hardened")
def test_a_control_plane_that_runs_by_another_file_keeps_it(runs: Path) -> None:
    (path,) = [word for word in listed(JOINS).split() if word.startswith(f"{FILES}/audit-")][:1]
    text = testing.run(JOINS, ["cat", path]).stdout
    testing.run(JOINS, f"echo '# mine' >> {path}")
    try:
        refused = cksharden("prepare", WHOLE, "--limit", JOINS, "--yes", runs=runs)
        assert refused.code == 3
        assert f"conflict    {path}: this control plane has another one" in refused.out
        assert testing.run(JOINS, ["tail", "-1", path]).stdout == "# mine\n"
    finally:
        testing.run(JOINS, f"cat > {path}", stdin=text)


@pytest.mark.usefixtures("hardened")
def test_one_that_joins_without_the_files_is_told_so_and_prepared_it_starts(runs: Path) -> None:
    reset()
    failed = join(seconds=10)
    assert failed.returncode != 0
    assert not serves()
    found = findings(WHOLE, *CHOSEN, runs=runs)[JOINS, "apiserver_anonymous_auth"]
    assert found["status"] == "fail"
    for word in (f"{FILES}/authentication-", "is not there", "cp1 and cp2 have it", f"--limit {JOINS}`"):
        assert word in found["reason"], found["reason"]
    placed = prepare(runs)
    assert sorted(set(placed.values())) == ["as_there", "create"], placed
    faults.wait(serves, 90, "the API server does not start")
    assert listed(JOINS) == listed("cp1")
