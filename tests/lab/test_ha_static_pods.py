# SPDX-License-Identifier: Apache-2.0
"""Three control planes behind a load balancer: who needs the API server does not notice that they change."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
from lab import testing
from lab.topology import LOAD_BALANCER

from tests.lab import faults, static_pods
from tests.lab.command import cksharden, findings, snapshot
from tests.lab.prober import Asked, Prober
from tests.lab.static_pods import Apply

pytestmark = pytest.mark.ha

PLANES = ("cp1", "cp2", "cp3")
BALANCER = "lb"
INVENTORY = "inventories/lab-ha"
_STATUS = """
import ssl, urllib.request
pki = "/etc/kubernetes/pki/etcd/"
context = ssl.create_default_context(cafile=pki + "ca.crt")
context.load_cert_chain(pki + "healthcheck-client.crt", pki + "healthcheck-client.key")
asked = urllib.request.Request("https://127.0.0.1:2379/v3/maintenance/status", b"{}")
print(urllib.request.urlopen(asked, context=context, timeout=5).read().decode())
"""


def prober(directory: Path) -> Prober:
    addresses = {name: testing.node(name).address for name in PLANES}
    return Prober({**addresses, BALANCER: LOAD_BALANCER.address}, directory)


def leader() -> str:
    """Return the control plane that leads etcd."""
    for name in PLANES:
        told = json.loads(testing.run(name, ["python3", "-c", _STATUS]).stdout)
        if told["leader"] == told["header"]["member_id"]:
            return name
    pytest.fail("nobody leads etcd")


def log_of_etcd(name: str) -> str:
    """Return what the member of a control plane has written since it was started."""
    return testing.run(name, "cat /var/log/pods/kube-system_etcd-*/etcd/*.log").stdout


def changing(run: str) -> dict[str, tuple[float, float]]:
    """Return when each control plane changed: from its swap until its transaction was closed."""
    found = {}
    for name in PLANES:
        times = {step: at for step, _, at in static_pods.records(run, name)}
        if "swapping" in times:
            found[name] = (times["swapping"], times["closed"])
    return found


def told(asked: list[Asked]) -> str:
    return "\n".join(
        f"{one.endpoint} {one.begun:.1f}-{one.ended:.1f} {one.first} / {one.again}" for one in asked
    )


def assert_served(seen: Prober, run: str) -> None:
    """Through the balancer one more try is enough; of the endpoints only the one in change fails."""
    windows = changing(run)
    lost = seen.failures([BALANCER], retried=True)
    assert not lost, told(lost)
    outside = [
        one
        for one in seen.failures(PLANES, retried=False)
        if not any(
            begun - 1 <= one.ended and one.begun <= ended + 1
            for begun, ended in [windows.get(one.endpoint, (0, 0))]
        )
    ]
    assert not outside, f"{windows}\n{told(outside)}"
    for name in (*PLANES, BALANCER):
        assert sum(one.endpoint == name for one in seen.asked) > 60, "it was not asked all the time"


@pytest.fixture
def last() -> str:
    """The control plane that is to change last; it can be broken."""
    testing.wait_ready()
    return leader()


@pytest.mark.faults
def test_the_last_of_three_fails_and_nobody_notices(last: str, tmp_path: Path) -> None:
    """Those that came through stay as planned, the last one goes back, and kubeadm-config is left alone."""
    wanted = static_pods.profile(tmp_path, "apiserver_profiling")
    before = {name: snapshot(name) for name in PLANES}
    config = static_pods.kubeadm_config()
    old = static_pods.reported("kube-apiserver", last)
    faults.install(last)
    try:
        with prober(tmp_path) as seen:
            faults.plant("gating", "hold", last)
            run = Apply(tmp_path, wanted)
            faults.wait_held(400, node=last)
            faults.release(last)
            static_pods.wait_steady("kube-apiserver", old, last)
            time.sleep(6)  # its window of 30 s has begun
            testing.run(last, f"kill -9 $({static_pods.pids('kube-apiserver')})")
            ended = run.wait()
    finally:
        faults.remove(last)
    assert ended.code == 3, ended.out
    assert "kube-apiserver ended after it had been well" in ended.out
    order = json.loads((run.directory / "plan.json").read_text())["order"]
    assert order[-1] == [last]
    times = changing(run.run)
    assert sorted(times, key=lambda name: times[name]) == [name for (name,) in order]
    assert all(times[earlier][1] <= times[later][0] for (earlier,), (later,) in itertools.pairwise(order)), (
        "one at a time"
    )
    assert_served(seen, run.run)
    assert snapshot(last) == before[last]
    assert static_pods.settled(run.run, last)["outcome"] == "restored"
    for name in set(PLANES) - {last}:
        assert static_pods.options("kube-apiserver", name)["profiling"] == "false"
        changed = {path for path, _ in before[name].items() ^ snapshot(name).items()}
        assert all("/kube-apiserver.yaml" in path for path in changed), changed
    assert static_pods.kubeadm_config() == config
    found = findings(INVENTORY, "--profile", str(wanted), runs=tmp_path / "check")
    for name in PLANES:
        finding = found[name, "apiserver_profiling"]
        assert finding["status"] == "fail"
        assert ("lost at the next kubeadm upgrade" in finding["reason"]) == (name != last)


@pytest.mark.faults
def test_the_next_apply_converges(tmp_path: Path) -> None:
    wanted = static_pods.profile(tmp_path, "apiserver_profiling")
    with prober(tmp_path) as seen:
        run = Apply(tmp_path, wanted)
        ended = run.wait()
    assert ended.code == 0, ended.out
    assert_served(seen, run.run)
    found = findings(INVENTORY, "--profile", str(wanted), runs=tmp_path / "check")
    assert {found[name, "apiserver_profiling"]["status"] for name in PLANES} == {"pass"}


@pytest.mark.faults
def test_etcd_changes_on_all_and_its_leader_comes_last(last: str, tmp_path: Path) -> None:
    wanted = static_pods.profile(tmp_path, "etcd_tls_min_version", one_of=["TLS1.3"], set="TLS1.3")
    with prober(tmp_path) as seen:
        run = Apply(tmp_path, wanted)
        ended = run.wait(900)
    assert ended.code == 0, ended.out
    order = json.loads((run.directory / "plan.json").read_text())["order"]
    assert order[-1] == [last]
    new = leader()
    assert new != last
    assert "received MsgTimeoutNow" in log_of_etcd(new), (
        "it was not handed the leadership, but has won an election"
    )
    assert_served(seen, run.run)
    with prober(tmp_path) as seen:
        back = cksharden(
            "rollback", INVENTORY, "--run", run.run, "--yes", runs=run.directory.parent, timeout=900
        )
    assert back.code == 0, back.out + back.err
    assert not seen.failures([BALANCER], retried=True)


def steps(run: str, name: str) -> list[str]:
    return [step for step, _, _ in static_pods.records(run, name)]


def stopped(name: str) -> None:
    """Stop the member of etcd of a node; its API server has none then."""
    testing.run(name, "mv /etc/kubernetes/manifests/etcd.yaml /root/etcd.yaml")
    pids = static_pods.pids("etcd")
    faults.wait(lambda: testing.run(name, pids, check=False).stdout == "", 90, "etcd still runs")


def started(name: str) -> None:
    testing.run(name, "test ! -e /root/etcd.yaml || mv /root/etcd.yaml /etc/kubernetes/manifests/etcd.yaml")
    faults.wait(lambda: static_pods.well(name), 180, f"{name} is not well")
    testing.wait_ready()


def test_a_member_of_etcd_is_down_before_the_start(tmp_path: Path) -> None:
    first, down = "cp1", "cp3"
    testing.wait_ready()
    stopped(down)
    try:
        with static_pods.as_before(first):
            run = Apply(tmp_path, static_pods.turned(tmp_path, first), "--limit", first)
            ended = run.wait()
            assert ended.code == 3, ended.out
            assert f"the member {down} of etcd does not answer" in ended.out
            assert static_pods.settled(run.run, first)["outcome"] == "refused"
    finally:
        started(down)


@pytest.mark.faults
def test_a_member_of_etcd_goes_down_in_the_middle(tmp_path: Path) -> None:
    """The node in change goes back, and nobody after it is touched."""
    testing.wait_ready()
    planes = [name for name in PLANES if name != leader()]
    first, down = planes[0], planes[1]
    others = {name: snapshot(name) for name in PLANES if name not in (first, down)}
    faults.install(first)
    try:
        faults.plant("gating", "hold", first)
        run = Apply(tmp_path, static_pods.turned(tmp_path, first))
        faults.wait_held(node=first)
        stopped(down)
        faults.release(first)
        faults.wait(lambda: "restoring" in steps(run.run, first), 400, "it did not go back")
        started(down)
        ended = run.wait()
        assert ended.code == 3, ended.out
        assert f"the member {down} of etcd does not answer" in ended.out
        assert static_pods.settled(run.run, first)["outcome"] == "restored"
        assert {name: snapshot(name) for name in others} == others
        assert not static_pods.records(run.run, down)
    finally:
        faults.remove(first)
        started(down)
    faults.wait(lambda: static_pods.well(first), 120, f"{first} is not well")
