# SPDX-License-Identifier: Apache-2.0
"""The playbooks and the lock, with real Ansible: each node is a mount namespace of this machine.

Only ssh, the API server of the control planes and the machine below the nodes are the test's own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.cluster_lock import ANNOTATION
from ansible_collections.cksharden.node.plugins.plugin_utils import controller
from cksharden import lock, rollback
from cksharden.apply import apply
from cksharden.errors import IncompleteError, UsageError
from cksharden.model import HostPlan, Plan
from cksharden.rollback import Rollback
from cksharden.rundir import RunDir
from cksharden.runner import Connection
from cksharden.transactions import Restorations
from tests.unit.node.api_server import ApiServer, Call, api_server
from tests.unit.node.fake_leases import FakeLeases
from tests.unit.runner.conftest import Site

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts file systems for its nodes"
)

ROOT = Path(__file__).resolve().parents[3]
RUN, OTHER = "20261123T132000Z-1a2b3c", "20261123T140000Z-4d5e6f"
# Its own /etc/kubernetes, /var/lib/cksharden and systemd, whose units all run.
NODE = """
echo {name} >>{log}
for last; do :; done
exec unshare --mount sh -c '
mount -t overlay overlay -o lowerdir={root}/etc:/etc /etc &&
mount -t overlay overlay -o lowerdir=/var/lib,upperdir={root}/lib,workdir={root}/work /var/lib &&
mount -t overlay overlay -o lowerdir={root}/sbin:/usr/local/sbin /usr/local/sbin &&
exec sh -c "$0"' "$last"
"""


@dataclass
class Cluster:
    """Nodes, their API server, and what was asked of which."""

    site: Site
    server: ApiServer
    leases: FakeLeases

    def add(self, name: str, script: str = NODE, *, plane: bool = False) -> dict[str, Any]:
        root = self.site.root / name
        for directory in ("etc/kubernetes/manifests", "lib", "sbin", "work"):
            (root / directory).mkdir(parents=True)
        self.site.program(f"{name}/sbin/systemctl", "echo ActiveState=active")
        if plane:
            shutil.copy(self.server.kubeconfig(), root / "etc/kubernetes/admin.conf")
            (root / "etc/kubernetes/admin.conf").chmod(0o600)
            shutil.copy(self.server.manifest(), root / "etc/kubernetes/manifests/kube-apiserver.yaml")
        script = script.format(name=name, log=self.site.log, root=root)
        return {"ansible_ssh_executable": self.site.program(f"ssh-{name}", script), "ansible_user": "root"}

    def inventory(self, planes: dict[str, Any], workers: dict[str, Any]) -> None:
        groups = {"kube_control_plane": {"hosts": planes}, "kube_node": {"hosts": workers}}
        self.site.inventory.write_text(json.dumps({"all": {"children": groups}}))

    def hold(self, run: str, **other: Any) -> None:
        """Have a run hold the lock: this very process, unless told otherwise."""
        holder = {**controller.holder(run, os.getpid()), **other}
        lease = {
            "metadata": {"annotations": {ANNOTATION: json.dumps(holder)}},
            "spec": {"holderIdentity": run},
        }
        self.leases._create(lease)

    @property
    def holder(self) -> str | None:
        return None if self.leases.lease is None else self.leases.lease["spec"]["holderIdentity"]

    @property
    def verbs(self) -> list[str]:
        """What was done with the Lease, reads aside."""
        return [call.method for call in self.server.calls if call.method != "GET"]

    def asked(self) -> list[str]:
        return self.site.executions()

    def open_transaction(self, node: str) -> None:
        """Leave a transaction on a node that has begun and not ended."""
        place = self.site.root / node / "lib/cksharden" / OTHER / "kubelet"
        place.mkdir(parents=True)
        record = {"step": "swapping", "time": 1.0, "data": {}}
        (place / "journal").write_text(json.dumps(record) + "\n")


@pytest.fixture
def cluster(site: Site, tmp_path: Path) -> Iterator[Cluster]:
    """A control plane cp1 and a worker w1."""
    directory = tmp_path / "pki"
    directory.mkdir()
    with api_server(directory) as server:
        made = Cluster(site, server, FakeLeases())
        server.answer = made.leases
        made.inventory({"cp1": made.add("cp1", plane=True)}, {"w1": made.add("w1")})
        yield made


# What no node here has, so that the run fails; and what a node has already, so that it succeeds.
FAILS = {"kubelet_settings": [{"control": "c", "key": "podPidsLimit", "value": 10, "ground": {}}]}
HOLDS = {"file_access_settings": [{"control": "c", "path": "/etc/kubernetes/admin.conf", "mode": "0600"}]}


def change(cluster: Cluster, host: str = "w1", settings: Any = FAILS) -> tuple[RunDir, tuple[str, ...]]:
    """Apply a plan for one host, as `apply --limit` does; return its run and what is said of the lock."""
    run = RunDir(cluster.site.root / RUN)
    run.path.mkdir()
    kind: Any = "control_plane" if host.startswith("cp") else "worker"
    plan = Plan(RUN, hosts={host: HostPlan(kind, settings)}, order=((host,),))
    run.write("plan", plan)
    where = cluster.site.inventory
    return run, apply(plan, run, inventory=where, connection=Connection(), max_unavailable=1)


def refused(cluster: Cluster) -> IncompleteError:
    """Return why a run may not begin, and see that it has touched nothing."""
    with pytest.raises(IncompleteError) as refusal:
        change(cluster)
    assert not (cluster.site.root / "w1/lib/cksharden").exists()
    assert not (cluster.site.root / RUN / "apply").exists(), "it is no run that changed nodes"
    return refusal.value


def harden(cluster: Cluster, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run the playbook by plain ansible-playbook from one of the user's, with a fact cache that outlives it."""
    site = cluster.site.root / "site.yml"
    site.write_text("- ansible.builtin.import_playbook: cksharden.node.harden\n")
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(cluster.site.root / "cache"),
    }
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *(
                "-i",
                str(cluster.site.inventory),
                "cksharden.node.harden",
                "-e",
                json.dumps(variables),
                *words,
            ),
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_PIPELINING": "1", **cache},
        text=True,
        capture_output=True,
        check=False,
    )


def unlock(cluster: Cluster, run: str = OTHER, limit: str | None = None) -> str:
    return lock.unlock(run, cluster.site.inventory, Connection(), limit)


def ended_pid() -> int:
    """Return the PID of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_a_run_that_succeeds_gives_it_back(cluster: Cluster) -> None:
    run, told = change(cluster, "cp1", HOLDS)
    assert json.loads((run.apply / "cp1.json").read_text())["status"] == "ok"
    assert (told, cluster.verbs, cluster.holder) == ((), ["POST", "DELETE"], None)


def test_a_run_that_fails_gives_it_back(cluster: Cluster) -> None:
    run, told = change(cluster)  # w1 alone: the control plane that takes it is outside the limit
    assert json.loads((run.apply / "w1.json").read_text())["status"] == "failed"
    assert (told, cluster.verbs, cluster.holder) == ((), ["POST", "DELETE"], None)


def test_a_run_whose_lock_was_removed_meanwhile_says_who_has_it_now(cluster: Cluster) -> None:
    def changes_hands(call: Call) -> None:
        if call.method == "GET" and cluster.holder == RUN:
            cluster.leases.lease = None
            cluster.hold(OTHER, boot="another")

    cluster.leases.before = changes_hands
    run, (told,) = change(cluster, "cp1", HOLDS)
    assert json.loads((run.apply / "cp1.json").read_text())["status"] == "ok"
    assert f"run {OTHER} on" in told
    assert (cluster.verbs, cluster.holder) == (["POST"], OTHER)


def test_a_lock_that_is_held_elsewhere_refuses_and_names_the_mend(cluster: Cluster) -> None:
    cluster.hold(OTHER, boot="another", host="desk2", pid=77)
    refusal = refused(cluster)
    assert f"run {OTHER} on desk2 (PID 77, since " in refusal.message
    assert f"`cksharden unlock {cluster.site.inventory} --run {OTHER}`" in str(refusal.mend)
    assert (cluster.holder, set(cluster.asked())) == (OTHER, {"cp1"})


def test_a_lock_of_a_process_that_lives_here_refuses(cluster: Cluster) -> None:
    cluster.hold(OTHER)
    assert "holds the lock of this cluster" in refused(cluster).message


def test_a_lock_of_a_process_that_has_ended_here_is_taken_over_once_no_node_is_at_work(
    cluster: Cluster,
) -> None:
    cluster.hold(OTHER, pid=ended_pid())
    _run, (told,) = change(cluster)
    assert OTHER in told
    assert "taken over" in told
    assert (cluster.verbs, cluster.holder) == (["POST", "POST", "PUT", "DELETE"], None)
    assert cluster.asked().count("cp1") > 3, "asked for the lock, for it over, for open transactions"


def test_no_take_over_while_a_node_outside_the_limit_is_at_work(cluster: Cluster) -> None:
    cluster.hold(OTHER, pid=ended_pid())
    cluster.open_transaction("cp1")
    refusal = refused(cluster)
    assert f"cp1: the transaction kubelet of run {OTHER} is still open" in refusal.message
    with pytest.raises(IncompleteError, match="is still open"):
        unlock(cluster, RUN)
    assert cluster.holder == RUN, "the lock stays, with the run that found it so"


def test_the_next_control_plane_is_asked_where_one_does_not_answer(cluster: Cluster) -> None:
    planes = {
        "cp0": cluster.add("cp0", "echo gone >&2; exit 255"),
        "cp00": cluster.add("cp00"),  # reached, but without an API server
        "cp2": cluster.add("cp2", plane=True),
        "cp3": cluster.add("cp3", plane=True),
    }
    cluster.inventory(planes, {"w1": cluster.add("w9")})
    _run, told = change(cluster)
    assert (told, cluster.verbs, cluster.holder) == ((), ["POST", "DELETE"], None)
    assert "cp3" not in cluster.asked()[: cluster.asked().index("cp2") + 2]


def test_without_an_answer_nothing_is_changed_but_a_rollback_goes_on(cluster: Cluster) -> None:
    cluster.server.answer = lambda call: (503, {"message": "etcd is gone"})
    refusal = refused(cluster)
    assert "no control plane can be asked for the cluster's lock: cp1: " in refusal.message
    assert "503: etcd is gone" in refusal.message
    run = RunDir(cluster.site.root / "back")
    run.path.mkdir()
    back = Rollback(OTHER, run, cluster.site.inventory, Connection(), None, force=False)
    (told,) = rollback.take_back(back, Restorations(OTHER, force=False, hosts=()), 1)
    assert told.endswith("The nodes' own journals alone guard them")


def test_an_inventory_without_control_planes_goes_on_and_says_so(cluster: Cluster) -> None:
    cluster.site.hosts({"w1": cluster.add("w2")})
    _run, (told,) = change(cluster)
    assert told.startswith("the inventory names no control plane")


def test_plain_ansible_takes_it_in_a_run_of_its_own_only_to_change_something(cluster: Cluster) -> None:
    for _ in range(2):  # a fact of the run before is none of this one
        done = harden(cluster, "--limit", "cp1", **HOLDS)
        assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.verbs == ["POST", "DELETE"] * 2
    runs = [call.body["spec"]["holderIdentity"] for call in cluster.server.calls if call.method == "POST"]
    assert len(set(runs)) == 2
    assert harden(cluster).returncode == 0
    assert harden(cluster, "--check", **HOLDS).returncode == 0
    assert cluster.verbs == ["POST", "DELETE"] * 2


def test_plain_ansible_is_refused_too(cluster: Cluster) -> None:
    cluster.hold(OTHER, boot="another")
    done = harden(cluster, **HOLDS)
    assert done.returncode != 0
    assert OTHER in done.stdout
    assert cluster.holder == OTHER


def test_unlock_removes_what_a_run_elsewhere_has_left(cluster: Cluster) -> None:
    assert unlock(cluster) == "there is no lock"
    cluster.hold(OTHER, boot="another", host="desk2", pid=77)
    with pytest.raises(IncompleteError, match=f"run {OTHER} on desk2 .* holds the lock"):
        unlock(cluster, RUN)
    assert f"removed the lock of run {OTHER} on desk2 (PID 77" in unlock(cluster, limit="w1")
    assert cluster.holder is None


def test_unlock_refuses_while_its_run_is_at_work(cluster: Cluster) -> None:
    cluster.hold(OTHER)
    with pytest.raises(IncompleteError, match=f"PID {os.getpid()}, .* is still at work on this machine"):
        unlock(cluster)
    cluster.leases.lease = None
    cluster.hold(OTHER, boot="another")
    cluster.open_transaction("w1")
    with pytest.raises(IncompleteError, match=f"w1: the transaction kubelet of run {OTHER} is still open"):
        unlock(cluster)
    assert cluster.holder == OTHER


def test_unlock_needs_an_answer_of_every_node_that_is_not_left_out(cluster: Cluster) -> None:
    gone = cluster.add("w2", "echo gone >&2; exit 255")
    cluster.inventory({"cp1": {"ansible_ssh_executable": f"{cluster.site.root}/ssh-cp1"}}, {"w2": gone})
    cluster.hold(OTHER, boot="another")
    with pytest.raises(IncompleteError, match="w2 can't be asked whether a transaction is open there"):
        unlock(cluster)
    assert cluster.holder == OTHER
    assert "removed" in unlock(cluster, limit="!w2")


def test_unlock_takes_names_of_runs_only(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="is no name of a run"):
        unlock(cluster, "{{ lookup('pipe', 'touch PWNED') }}")
    assert cluster.asked() == []
