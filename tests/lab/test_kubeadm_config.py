# SPDX-License-Identifier: Apache-2.0
"""kubeadm-config on a real cluster: hand edits are adopted into it, and a rollback takes a run out of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab import testing

from tests.lab import faults, static_pods
from tests.lab.command import Ended, cksharden, findings, snapshot
from tests.lab.static_pods import NODE, SCHEDULER, kubeadm_config

pytestmark = [pytest.mark.lab, pytest.mark.control_plane, pytest.mark.faults]

INVENTORY = "inventories/lab"
HAND_EDITS = "static_pod_hand_edits"
CONTROLS = ("--control", "scheduler_profiling", "--control", "apiserver_anonymous_auth")
CPU, QPS = ("cpu: 100m", "cpu: 110m"), "    - --kube-api-qps=51\n"
DIRECTORY = "/etc/kubernetes/cksharden"


@pytest.fixture
def before() -> Iterator[dict[str, str]]:
    """A control plane that is well, as which it is afterwards again."""
    faults.wait(static_pods.well, 120, "the control plane is not well")
    files, config = snapshot(NODE, times=False), kubeadm_config()
    yield files
    assert snapshot(NODE, times=False) == files
    assert yaml.safe_load(kubeadm_config()) == yaml.safe_load(config)


def scheduler() -> tuple[str, str]:
    """Return which manifest the pod of the scheduler is of, and whether it is ready."""
    words = ("--namespace", "kube-system", "get", "pod", f"kube-scheduler-{NODE}", "--ignore-not-found")
    shown = testing.kubectl(*words, "--output", "json", check=False).stdout
    pod = json.loads(shown) if shown.strip() else {"metadata": {"annotations": {}}, "status": {}}
    ready = [one["status"] for one in pod["status"].get("conditions", ()) if one["type"] == "Ready"]
    return pod["metadata"]["annotations"].get("kubernetes.io/config.hash", ""), "".join(ready)


def write_scheduler(text: str) -> None:
    """Replace the manifest of the scheduler as an editor does, and wait for its process."""
    moved = f"umask 077; cat > /etc/kubernetes/.edited && mv /etc/kubernetes/.edited {SCHEDULER}"
    before, _ = scheduler()
    testing.run(NODE, moved, stdin=text)
    faults.wait(lambda: scheduler()[0] not in ("", before), 60, "the kubelet does not take the manifest")
    faults.wait(lambda: scheduler()[1] == "True", 120, "the scheduler does not come back")
    faults.wait(static_pods.well, 60, "the scheduler does not run as its manifest says")


def rollback(run: str, runs: Path, *words: str) -> Ended:
    return cksharden("rollback", INVENTORY, "--run", run, "--yes", "--quiet", *words, runs=runs)


@pytest.mark.usefixtures("before")
def test_an_edit_by_hand_is_adopted_and_what_kubeadm_config_can_not_say_is_a_patch(tmp_path: Path) -> None:
    text = testing.run(NODE, ["cat", SCHEDULER]).stdout
    first = "    - --leader-elect=true\n"
    config = kubeadm_config()
    write_scheduler(text.replace(first, first + QPS).replace(*CPU))
    try:
        found = findings(INVENTORY, "--control", HAND_EDITS, runs=tmp_path)[NODE, HAND_EDITS]
        assert found["status"] == "fail"
        assert "--kube-api-qps of kube-scheduler is 51, kubeadm would write none (adopt)" in found["reason"]
        assert "kube-scheduler9+json.json" in found["reason"]
        starts = static_pods.options("kube-scheduler")
        done = cksharden("apply", INVENTORY, "--control", HAND_EDITS, "--yes", "--quiet", runs=tmp_path)
        assert done.code == 1, done.out + done.err  # the patch is still to be made
        assert static_pods.options("kube-scheduler") == starts
        assert yaml.safe_load(kubeadm_config())["scheduler"]["extraArgs"] == [
            {"name": "kube-api-qps", "value": "51"}
        ]
        assert rollback(done.run, tmp_path).code == 0
        assert kubeadm_config() == config
    finally:
        write_scheduler(text)


@pytest.mark.usefixtures("before")
def test_a_run_goes_back_with_the_api_server_down(tmp_path: Path) -> None:
    config = kubeadm_config()
    done = cksharden("apply", INVENTORY, *CONTROLS, "--yes", "--quiet", runs=tmp_path, timeout=480)
    assert done.code == 0, done.out + done.err
    written = yaml.safe_load(kubeadm_config())
    assert written["scheduler"]["extraArgs"] == [{"name": "profiling", "value": "false"}]
    # Somebody changes one of its options; then a file of the run goes, and the API server with it.
    written["scheduler"]["extraArgs"][0]["value"] = "maybe"
    static_pods.write_kubeadm_config(yaml.safe_dump(written))
    testing.run(NODE, f"rm {DIRECTORY}/authentication-*; kill $({static_pods.pids('kube-apiserver')})")
    time.sleep(10)
    assert testing.kubectl("get", "--raw", "/readyz", check=False).returncode != 0
    back = rollback(done.run, tmp_path)
    assert back.code == 3
    assert "kubeadm-config: put back once the API server answers" in back.out
    assert "without --force: --profiling of kube-scheduler" in back.out
    assert NODE in back.out
    left = yaml.safe_load(kubeadm_config())
    assert left["scheduler"]["extraArgs"] == [{"name": "profiling", "value": "maybe"}]
    assert left["apiServer"] == yaml.safe_load(config)["apiServer"]
    forced = rollback(done.run, tmp_path, "--force")
    assert forced.code == 0, forced.out + forced.err
