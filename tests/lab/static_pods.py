# SPDX-License-Identifier: Apache-2.0
"""One change of a static pod on a real control plane, as a user makes it, and how the node is afterwards.

What changes is an option of the scheduler: nothing else restarts, and each run turns it over, so that
every row begins with what the one before it left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from lab import testing

from tests.lab import faults
from tests.lab.command import ROOT, Ended, snapshot

NODE = "cp1" if faults.NODE == "w1" else faults.NODE
"""The control plane that things happen to; on `ha` the one that faults.NODE names."""
ONE = ("--limit", NODE)
MANIFESTS = "/etc/kubernetes/manifests"
SCHEDULER = f"{MANIFESTS}/kube-scheduler.yaml"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
_LOOK = f"""
import glob, json
journals = {{}}
for path in glob.glob("{faults.BASE}/*/static_pods/journal"):
    lines = [json.loads(line) for line in open(path).read().split("\\n") if line]
    journals[path.split("/")[-3]] = [[line["step"], line["data"], line["time"]] for line in lines]
left = [p for top in ("/etc", "/etc/kubernetes", "/etc/systemd/system") for p in glob.glob(top + "/*cksharden-*")]
left += [p for top in ("/etc", "/etc/kubernetes") for p in glob.glob(top + "/.*cksharden*")]
print(json.dumps({{"journals": journals, "left": left}}))
"""
_CONFIG_MAP = ("--namespace", "kube-system", "configmap", "kubeadm-config")
_DIRECTORY = "/etc/kubernetes/cksharden"


def records(run: str, node: str = NODE) -> list[tuple[str, dict[str, Any], float]]:
    """Return step, data and time of what a node's journal of a run holds."""
    found = json.loads(testing.run(node, ["python3", "-S", "-c", _LOOK]).stdout)
    return [tuple(each) for each in found["journals"].get(run, ())]


def settled(run: str, node: str = NODE, seconds: float = 400) -> dict[str, Any]:
    """Wait, without helping, until a run's transaction is closed and all of it gone; return its end."""
    state: dict[str, Any] = {}

    def ended() -> bool:
        state.update(json.loads(testing.run(node, ["python3", "-S", "-c", _LOOK]).stdout))
        steps = state["journals"].get(run) or [["", {}, 0]]
        return steps[-1][0] == "closed" and not [path for path in state["left"] if path != _DIRECTORY]

    faults.wait(ended, seconds, f"not settled: {state}")
    closed: dict[str, Any] = state["journals"][run][-1][1]
    return closed


def options(component: str, node: str = NODE) -> dict[str, str]:
    """Return the options of the one process of a component, none where it does not run once."""
    shown = testing.run(
        node, f"for pid in $({pids(component)}); do tr '\\0' '\\n' </proc/$pid/cmdline; done", check=False
    )
    lines = shown.stdout.splitlines()
    words = [word[2:].partition("=") for word in lines if word.startswith("--")]
    return {name: value for name, _, value in words} if lines.count(component) == 1 else {}


def pids(component: str) -> str:
    """Return a shell command that prints the processes of a component; a name is too long for pgrep -x."""
    return f"pgrep -f '^{component} '"


def profiling(node: str = NODE) -> str | None:
    """Return what the manifest of the scheduler says of its profiles."""
    text = testing.run(node, ["cat", SCHEDULER]).stdout
    return "false" if "--profiling=false" in text else "true" if "--profiling=true" in text else None


def well(node: str = NODE) -> bool:
    """Tell whether every process of a node's control plane does what its manifest says, and the API answers."""
    for component in COMPONENTS:
        manifest = testing.run(node, ["cat", f"{MANIFESTS}/{component}.yaml"]).stdout
        given = options(component, node)
        if not given or any(f"--{name}={value}" not in manifest for name, value in given.items()):
            return False
    return testing.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"


def reported(component: str, node: str = NODE) -> str:
    """Return the container that the kubelet reports as ready in the mirror pod of a component, "" for none."""
    pod = ("--namespace", "kube-system", "get", "pod", f"{component}-{node}")
    status = "jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].containerID}"
    ready, _, container = testing.kubectl(*pod, "--output", status, check=False).stdout.partition(" ")
    return container if ready == "true" else ""


def wait_steady(component: str, old: str, node: str = NODE) -> None:
    """Wait until all pods of a node stay ready for a while, a component by another container than the old one.

    The gate's window begins then at the latest: others than the one in change may have ended and come back.
    """
    steady: tuple[float, dict[str, str]] = (0, {})

    def holds() -> bool:
        nonlocal steady
        now = {name: reported(name, node) for name in COMPONENTS}
        if now != steady[1]:
            steady = (time.monotonic(), now)
        return all(now.values()) and now[component] != old and time.monotonic() - steady[0] >= 12

    faults.wait(holds, 170, "its pods do not stay ready")


def kubeadm_config() -> str:
    """Return the ClusterConfiguration of kubeadm-config."""
    path = "jsonpath={.data.ClusterConfiguration}"
    return testing.kubectl(*_CONFIG_MAP[:2], "get", *_CONFIG_MAP[2:], "--output", path).stdout


def write_kubeadm_config(text: str) -> None:
    """Replace the ClusterConfiguration of kubeadm-config, as somebody else would."""
    body = json.dumps({"data": {"ClusterConfiguration": text}})
    testing.kubectl(*_CONFIG_MAP[:2], "patch", *_CONFIG_MAP[2:], "--type=merge", "--patch", body)


def profile(directory: Path, control: str, **parameters: Any) -> Path:
    """Write a profile that asks for one control alone, with parameters of ours; return its path."""
    path = directory / "row.yml"
    written = {"id": "row", "title": "One row", "include": [control]}
    path.write_text(json.dumps(written | ({"parameters": {control: parameters}} if parameters else {})))
    return path


def other(node: str = NODE) -> str:
    """Return the value of the scheduler's option that the next run asks for."""
    return "true" if profiling(node) == "false" else "false"


def turned(directory: Path, node: str = NODE) -> Path:
    """Return a profile that asks for the other value of the scheduler's option."""
    return profile(directory, "scheduler_profiling", equals=other(node) == "true")


def refused(directory: Path, control: str) -> Path:
    """Return a profile that asks for a version of TLS that no component knows."""
    return profile(directory, control, one_of=["VersionTLS99"], set="VersionTLS99")


def turn_back() -> None:
    """Take the scheduler's option away again, where a row has turned it over."""
    planes = [node.name for node in testing.nodes() if node.role == "control_plane"]
    if not any(profiling(name) for name in planes) and "profiling" not in kubeadm_config():
        return
    item = {"component": "kube-scheduler", "option": "profiling", "value": None}
    with TemporaryDirectory() as directory:
        # All of them, since kubeadm-config speaks for all.
        run = faults.Harden(
            f"{uuid4()}", Path(directory), node="kube_control_plane", static_pods_settings=[item]
        )
        code, output = run.wait(900)
    assert code == 0, output


class Apply:
    """`cksharden apply` in the background, with a profile, on one node or on all."""

    def __init__(self, directory: Path, wanted: Path, *words: str, ssh: str = "") -> None:
        self._runs = directory / f"runs-{len(list(directory.glob('runs-*')))}"
        self._runs.mkdir()
        inventory = faults.inventory()
        command = [sys.executable, "-m", "cksharden", "apply", inventory, "--profile", str(wanted), "--yes"]
        self._output = self._runs.with_suffix(".txt")
        environment = os.environ | ({"ANSIBLE_SSH_ARGS": ssh} if ssh else {})
        with self._output.open("wb") as stream:
            self._process = subprocess.Popen(
                [*command, "--runs-dir", str(self._runs), *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @property
    def run(self) -> str:
        """The id of its run, once it has one."""
        faults.wait(lambda: any(self._runs.iterdir()), 30, "it began no run")
        (run,) = (path.name for path in self._runs.iterdir())
        return run

    @property
    def directory(self) -> Path:
        """Where its run is kept."""
        return self._runs / self.run

    def wait(self, seconds: float = 600) -> Ended:
        """Return how it ended; what it printed is all in `out`."""
        code = self._process.wait(seconds)
        return Ended(code, self._output.read_text(), "")

    def kill(self) -> None:
        """Kill it with SIGKILL, and everything that it started."""
        faults.kill(self._process, str(self._runs))


@contextmanager
def held(
    step: str, directory: Path, wanted: Path | None = None, *, limited: bool = True, ssh: str = ""
) -> Iterator[Apply]:
    """Begin an apply on NODE, or on all, whose agent waits at a step while the block runs.

    It is of the scheduler's option where no profile is given.
    """
    faults.plant(step, "hold", NODE)
    run = Apply(directory, wanted or turned(directory), *(ONE if limited else ()), ssh=ssh)
    faults.wait_held(400, node=NODE)
    yield run
    faults.release(NODE)


def assert_put_back(run: Apply, *told: str) -> None:
    """See that an apply fails and says why, and that the node has put all back and proved it."""
    ended = run.wait()
    assert ended.code == 3, ended.out
    closed = settled(run.run)
    assert (closed["outcome"], closed["proved"]) == ("restored", True), closed
    for words in told:
        assert words in closed["reason"]
        assert words in ended.out


def assert_refused(run: Apply, *told: str) -> None:
    """See that an apply fails and says why, and that the node has changed nothing."""
    ended = run.wait()
    assert ended.code == 3, ended.out
    assert settled(run.run)["outcome"] == "refused"
    for words in told:
        assert words in ended.out


@contextmanager
def as_before(node: str = NODE) -> Iterator[None]:
    """See that the block leaves every file as it was, to the byte, its times and its owner, and all well."""
    before = snapshot(node)
    yield
    assert snapshot(node) == before
    faults.wait(lambda: well(node), 60, "the control plane is not well")
