# SPDX-License-Identifier: Apache-2.0
"""A control plane is hardened, behaves so, and still does after a plain `kubeadm upgrade`.

The tests are one story in the order of this file, on a cluster of FROM that nothing else has touched, of
either topology. `-m "survival and not faults"` is its short form.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import testing

from cksharden.catalog import load_controls
from tests.lab import hardened
from tests.lab.command import Ended, cksharden, findings, snapshot
from tests.lab.secrecy import Processes, forms, in_files, on_node, watched

pytestmark = pytest.mark.survival

FROM, TO = "1.36.3", "1.37.2"
LEFT = {
    "kubelet_protect_kernel_defaults": "report_only",
    "kubelet_server_tls_bootstrap": "report_only",
    "kubelet_tls_cert_file": "report_only",
    "kubelet_tls_private_key_file": "report_only",
}
"""What fails after apply on every node, and why nothing was changed for it."""
LEFT_ON_WORKERS = LEFT | {"kubelet_static_pod_path": "report_only"}
LEFT_ON_PLANES = LEFT | {
    "apiserver_always_pull_images": "opt_in",
    "apiserver_kubelet_certificate_authority": "report_only",
    "apiserver_pod_security_defaults": "opt_in",
    "apiserver_service_account_token_extension": "opt_in",
    "etcd_data_directory_owner": "report_only",
}
LONG = 360
"""Seconds after which an API server whose probes are refused would be gone: its kubelet takes 250."""
MANIFESTS = "/etc/kubernetes/manifests"
KEPT = ("/var/log", "/var/lib/cksharden", "/tmp", "/root")


@dataclass
class Story:
    """What one chapter leaves for the next."""

    runs: Path
    inventory: str
    profile: str
    planes: tuple[str, ...]
    printed: str = ""
    applied: str = ""
    processes: Processes = field(default_factory=Processes)
    passed: frozenset[tuple[str, str]] = frozenset()
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)

    def findings(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Judge the cluster."""
        return findings(self.inventory, "--profile", self.profile, runs=self.runs)

    def apply(self) -> Ended:
        """Harden what the profile asks for."""
        command = ("apply", self.inventory, "--profile", self.profile, "--yes")
        return cksharden(*command, runs=self.runs, timeout=600 * len(self.planes))

    def check(self) -> tuple[frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
        """Return which host passes which control, and what does not pass with how it may be changed."""
        found = self.findings()
        passed = frozenset(key for key, one in found.items() if one["status"] == "pass")
        scope = {key: one for key, one in found.items() if one["status"] != "not_applicable"}
        return passed, {key: one["change"] for key, one in scope.items() if key not in passed}

    @property
    def left(self) -> dict[tuple[str, str], str]:
        """Return what does not pass after apply."""
        return {
            (node.name, control): change
            for node in testing.nodes()
            for control, change in (LEFT_ON_PLANES if node.name in self.planes else LEFT_ON_WORKERS).items()
        }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A cluster of FROM with a pod and a Secret."""
    assert testing.lab().kubernetes == FROM, f"nox -s lab -- up --fresh --replace --kubernetes {FROM}"
    hardened.populate()
    inventory = {"single": "inventories/lab", "ha": "inventories/lab-ha"}[testing.lab().topology]
    profile = tmp_path_factory.mktemp("profile") / "profile.yml"
    more = [one.control.id for one in load_controls() if "cks" not in one.control.profiles]
    every = {"id": "every", "title": "Every control", "extends": "cks", "include": more}
    profile.write_text(yaml.safe_dump(every))
    return Story(tmp_path_factory.mktemp("runs"), inventory, str(profile), hardened.planes())


def test_an_option_in_the_manifest_alone_is_told_to_be_lost(story: Story) -> None:
    first, manifest = story.planes[0], f"{MANIFESTS}/kube-scheduler.yaml"
    aside = "/etc/kubernetes/.kube-scheduler.yaml"
    line = r"s/^    - kube-scheduler$/&\n    - --profiling=false/"
    testing.run(first, f"sed '{line}' {manifest} >{aside} && chmod 600 {aside} && mv {aside} {manifest}")
    shown = "tr '\\0' '\\n' </proc/$(pidof kube-scheduler)/cmdline"
    hardened.wait_for(
        "the scheduler's option",
        lambda: "--profiling=false" in testing.run(first, shown, check=False).stdout.split(),
    )
    finding = story.findings()[first, "scheduler_profiling"]
    assert finding["status"] == "fail"
    assert finding["reason"].startswith("holds now, lost at the next kubeadm upgrade: ")
    assert [item["status"] for item in finding["items"]] == ["pass", "pass", "fail"]


def test_apply_makes_every_control_hold(story: Story) -> None:
    made = hardened.pods_made()
    with watched() as story.processes:
        ended = story.apply()
    story.printed, story.applied = ended.out + ended.err, ended.run
    story.pods = hardened.static_pods()
    assert ended.code == 1, story.printed
    assert "missed 0, worse 0" in ended.out, story.printed[-3000:]
    # Each was restarted once, and no more; the first scheduler has had its option.
    changed = {name for name in story.pods if not name.startswith("kube-scheduler-")}
    again = hardened.pods_made() - made
    assert changed <= again.keys()
    assert set(again.values()) == {1}
    story.passed, failing = story.check()
    assert failing == story.left


def test_apply_has_nothing_more_to_do(story: Story) -> None:
    ended = story.apply()
    assert ended.code == 1, ended.out + ended.err
    assert "nothing to change" in ended.err


def test_no_key_is_in_any_artifact(story: Story) -> None:
    needles = frozenset().union(*hardened.keys().values())
    printed = story.printed.encode()
    assert not [needle for needle in needles if needle in printed]
    assert in_files(needles, [story.runs, Path.home() / ".ansible"]) == []
    assert [line for line in story.processes.seen if any(needle in line for needle in needles)] == []
    assert any(b"ansible-playbook" in line for line in story.processes.seen)
    assert any(line.startswith(b"kube-apiserver\0") for line in story.processes.seen)
    for name in (node.name for node in testing.nodes()):
        for place in on_node(name, needles, KEPT):
            assert place.startswith("/var/lib/cksharden/"), place
            assert hardened.is_for_root_alone(name, place), place


def test_secrets_from_before_are_encrypted(story: Story) -> None:
    raw = hardened.stored(f"/registry/secrets/default/{hardened.SECRET}")
    assert raw.startswith(b"k8s:enc:")
    assert not [form for form in forms(hardened.VALUE.encode()) if form in raw]
    assert hardened.read_secret() == hardened.VALUE


def test_who_has_no_login_learns_of_health_alone(story: Story) -> None:
    assert hardened.anonymous_answers(hardened.OPEN) == {path: {200} for path in hardened.OPEN}
    assert hardened.anonymous_answers(hardened.CLOSED) == {path: {401} for path in hardened.CLOSED}


def test_the_audit_log_holds_what_matters_and_no_secret(story: Story) -> None:
    behave_as_audited("before")


def behave_as_audited(mark: str) -> None:
    """Ask what is to be written down and what is not, and look."""
    begun = hardened.now()
    grant = ("clusterrolebinding", mark, "--clusterrole=view", "--serviceaccount=default:default")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": mark},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": hardened.POD},
    }
    testing.kubectl("get", "--raw", f"/readyz?{mark}")
    testing.kubectl("get", "--raw", f"/version?{mark}")
    testing.kubectl("create", "--filename", "-", stdin=json.dumps(event))
    testing.kubectl("exec", hardened.POD, "--", "true")
    testing.kubectl("create", "deployment", mark, f"--image={testing.TEST_IMAGE}", "--replicas=0")
    testing.kubectl("create", *grant)
    assert hardened.read_secret() == hardened.VALUE
    hardened.wait_for("the audit log", lambda: levels(begun, "secrets", hardened.SECRET) != set(), 10)
    assert levels(begun, "secrets", hardened.SECRET) == {"Metadata"}
    assert levels(begun, "pods/exec", hardened.POD) == {"Metadata"}
    assert levels(begun, "deployments", mark) == {"Request"}
    assert levels(begun, "clusterrolebindings", mark) == {"Request"}
    log = hardened.audited(begun)
    assert levels(begun, "events", mark) == set()
    assert [one["requestURI"] for one in log if one["requestURI"].endswith(f"?{mark}")] == []
    (granted,) = hardened.of_object(log, "clusterrolebindings", mark)
    assert granted["requestObject"]["roleRef"]["name"] == "view"
    needles = forms(hardened.VALUE.encode())
    assert [found for name in hardened.planes() for found in on_node(name, needles, ["/var/log"])] == []


def levels(since: datetime, resource: str, name: str) -> set[str]:
    """Return how much is written down of what was done to an object."""
    return {one["level"] for one in hardened.of_object(hardened.audited(since), resource, name)}


def test_a_worker_joins_by_a_token_and_is_hardened(story: Story) -> None:
    hardened.join_again("w1")
    ended = story.apply()
    assert ended.code == 1, ended.out + ended.err
    assert "missed 0, worse 0" in ended.out, ended.out
    assert story.check() == (story.passed, story.left)


@pytest.mark.faults  # it waits for minutes
def test_the_static_pods_outlive_six_minutes(story: Story) -> None:
    testing.offer(TO)  # it is needed below, and fills the time
    ages = [time.time() - hardened.started(status) for status in story.pods.values()]
    time.sleep(max(0, LONG - min(ages)))
    now = hardened.static_pods()
    told = ("containerID", "restartCount", "ready")
    assert {name: [now[name][key] for key in told] for name in now} == {
        name: [story.pods[name][key] for key in told] for name in story.pods
    }


def test_kubeadm_upgrades_the_cluster(story: Story) -> None:
    testing.offer(TO)  # once more costs a second
    first, *others = (node.name for node in testing.nodes())
    for name in (first, *others):
        words = ("apply", f"v{TO}", "--yes") if name == first else ("node",)
        testing.install(name, TO, "kubeadm")
        testing.kubeadm_upgrade(name, *words)
        testing.install(name, TO, "kubelet", "kubectl")
        testing.run(name, ["systemctl", "restart", "kubelet"])
        testing.wait_ready()
    images = {status["image"].rpartition(":")[2] for status in hardened.static_pods().values()}
    assert f"v{TO}" in images
    assert f"v{FROM}" not in images


def test_every_control_still_holds(story: Story) -> None:
    passed, failing = story.check()
    assert story.passed - passed == frozenset()
    assert failing == story.left


def test_it_still_behaves_so(story: Story) -> None:
    test_who_has_no_login_learns_of_health_alone(story)
    test_secrets_from_before_are_encrypted(story)
    behave_as_audited("after")


def test_rollback_leaves_what_kubeadm_wrote_anew(story: Story) -> None:
    before = {name: snapshot(name) for name in story.planes}
    words = ("rollback", story.inventory, "--run", story.applied, "--yes")
    for more in ((), ("--force",)):
        refused = cksharden(*words, *more, runs=story.runs)
        assert refused.code == 3, refused.out + refused.err
        assert f"{MANIFESTS}/kube-apiserver.yaml" in refused.out
        assert f"it is of v{TO} by now, and was of v{FROM} before that run" in refused.out
    assert {name: snapshot(name) for name in story.planes} == before
