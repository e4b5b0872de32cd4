# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of static pods: proof that those of the changed manifests run, are well, and stay.

Each component: a process that started after the swap, with the command line of its manifest; every
probe passes; the kubelet reports that very container as ready; then nothing restarts for the window.
In between the API answers a quorum list and takes a write, Leases move, etcd has caught up.
"""

from __future__ import annotations

from typing import Any

from . import fsio
from . import static_pod_checks as checks
from .flags import EditError
from .gate import GateError
from .kubeapi import Api, ApiError, own_server
from .manifest_pod import StaticPod, read_pod
from .node_name import node_name
from .system import KUBELET, PodProcess, System

API_SERVER, ETCD = "kube-apiserver", "etcd"
_PAUSE = 2
_RELIST = 25
"""Seconds within which a kubelet has read its directory again (fileCheckFrequency, 20 s)."""
_STARTS = 3
"""A component that was started so many times since the swap will not come up."""
_WITHOUT_KUBELET = 20

Survey = dict[str, Any]
"""{"node", "problem": why no gate could be passed now, or "", "etcd": see etcd_members}"""


def read_pods(gate: dict[str, Any]) -> dict[str, StaticPod]:
    """Return the components of this node by their manifests. Raises OSError or EditError."""
    return {name: read_pod(fsio.read_file(path), name) for name, path in gate["manifests"].items()}


def survey(system: System, gate: dict[str, Any], attempts: int = 3) -> Survey:
    """Return how the control plane of this node does before anything changes, for the journal."""
    process = system.process(system.unit_state(KUBELET).main_pid)
    node = node_name(process.argv if process else (), system.host_name())
    if process is None:
        return {"node": node, "problem": f"{KUBELET} does not run", "etcd": {}}
    problem, etcd = _look_around(system, gate, node)
    if problem and attempts > 1:
        system.sleep(_PAUSE)
        return survey(system, gate, attempts - 1)
    return {"node": node, "problem": problem, "etcd": etcd}


def _look_around(system: System, gate: dict[str, Any], node: str) -> tuple[str, dict[str, Any]]:
    etcd: dict[str, Any] = {}
    try:
        pods = read_pods(gate)
    except (OSError, EditError) as reason:
        return f"a manifest can't be read: {reason}", etcd
    told = ""
    for component, pod in pods.items():
        found = system.pod_processes(component)
        if len(found) != 1:
            return f"{component} runs {len(found)} times", {}
        told = told or checks.words(pod, found[0]) or checks.probes(system, pod)
    if ETCD in pods:
        wrong, etcd = checks.etcd_members(system, pods[ETCD])
        told = told or wrong
    if told:
        return told, etcd
    try:
        with api_of(system, gate) as api:
            told = checks.reads(api) or checks.writes(api) or checks.images(api, pods.values(), node)
            for component, pod in pods.items():
                told = told or checks.reported(api, pod, node, system.pod_processes(component)[0])
    except (ApiError, IndexError) as reason:
        told = f"the API server does not answer ({reason})"
    return told, etcd


def api_of(system: System, gate: dict[str, Any]) -> Api:
    """Return this node's own API server, as admin. Raises ApiError."""
    return system.api(gate["kubeconfig"], own_server(gate["manifests"][API_SERVER]))


class Watch:
    """The watch over components of this node, from just before their manifests change."""

    def __init__(self, system: System, gate: dict[str, Any], before: Survey) -> None:
        self._system, self._gate, self._before = system, gate, before
        self._pods: dict[str, StaticPod] = {}
        self.ticks = system.ticks()
        self.begun = system.monotonic()
        self._known = {name: set(system.pod_logs(name)) for name in gate["manifests"]}
        self._starts: dict[str, set[str]] = {name: set() for name in gate["manifests"]}
        self._held: dict[str, tuple[int, int]] = {}
        self._leases: dict[str, str] = {}
        self._kubelet_seen = self.begun
        self._blamed = ""
        self._proved_leases: set[str] = set()
        self._alone = False

    def watch(self, components: list[str], fresh: set[str], window: int, since: int | None = None) -> None:
        """Return when the components are well and were still for the window, in seconds.

        fresh: those whose process must have started after this watch was made; since: the tick before
        which another process may have started too (it was never replaced). Raises GateError.
        """
        limit = int(self._gate["limit"])
        self._pods = read_pods(self._gate)
        # Others end by themselves while the API server is away, as it may be on the way back.
        self._alone = since is None and not fresh & {API_SERVER, ETCD}
        still_since: float | None = None
        told = ""
        while True:
            found, wrong = self._look(components, fresh, since)
            now = self._system.monotonic()
            identity = {name: process[:2] for name, process in found.items()}
            moved = sorted(name for name, one in self._held.items() if identity.get(name) != one)
            if moved:
                raise GateError(self.explain(moved[0], f"{moved[0]} ended after it had been well"))
            told = wrong or told
            settled = fresh >= set(components) or now - self.begun >= _RELIST
            if wrong or not settled:
                still_since = None
            elif still_since is None:
                still_since, self._held = now, identity
            if still_since is not None and now - still_since >= window:
                return
            if now - self.begun > limit + (window if self._held else 0):
                raise GateError(self.explain(self._blamed, f"{told} within {limit} s"))
            self._system.sleep(_PAUSE)

    def _look(
        self, components: list[str], fresh: set[str], since: int | None
    ) -> tuple[dict[str, PodProcess], str]:
        """Return the process of each component, and the first thing that is not well."""
        self._see_kubelet()
        found: dict[str, PodProcess] = {}
        told = ""
        for name in components:
            wrong = self._see_process(name, name in fresh, since, found)
            if not told:
                self._blamed = name
                told = wrong or checks.probes(self._system, self._pods[name])
        told = told or self._see_etcd(components)
        if told:
            self._leases.clear()  # they count from the moment at which all else is well
            self._proved_leases.clear()
        return found, told or self._see_api(components, found)

    def _see_kubelet(self) -> None:
        now = self._system.monotonic()
        if self._system.unit_state(KUBELET).main_pid:
            self._kubelet_seen = now
        elif now - self._kubelet_seen > _WITHOUT_KUBELET:
            raise GateError(f"{KUBELET} does not run")

    def _see_process(self, name: str, fresh: bool, since: int | None, found: dict[str, PodProcess]) -> str:
        starts = self._starts[name]
        starts |= set(self._system.pod_logs(name)) - self._known[name]
        if fresh and (self._alone or name in (API_SERVER, ETCD)) and len(starts) >= _STARTS:
            raise GateError(self.explain(name, f"{name} ends whenever it is started"))
        running = self._system.pod_processes(name)
        ours = [each for each in running if not fresh or self._is_fresh(each, since)]
        if len(running) != 1 or not ours:
            return f"no new process of {name} was there" if fresh else f"{name} does not run once"
        wrong = checks.words(self._pods[name], ours[0])
        if not wrong:
            found[name] = ours[0]
        return wrong

    def _is_fresh(self, process: PodProcess, since: int | None) -> bool:
        return process.started >= self.ticks or (since is not None and process.started < since)

    def _see_etcd(self, components: list[str]) -> str:
        if ETCD not in components:
            return ""
        self._blamed = ETCD
        return checks.caught_up(self._system, self._pods[ETCD], self._before.get("etcd") or {})

    def _see_api(self, components: list[str], found: dict[str, PodProcess]) -> str:
        if API_SERVER not in self._gate["manifests"]:
            return ""
        self._blamed = API_SERVER
        try:
            with api_of(self._system, self._gate) as api:
                told = checks.reads(api) or checks.writes(api)
                for name in components:
                    pod = self._pods[name]
                    told = told or checks.reported(api, pod, self._before["node"], found[name])
                    told = told or self._see_lease(api, pod)
        except ApiError as reason:
            return f"the API server did not answer ({reason})"
        return told

    def _see_lease(self, api: Api, pod: StaticPod) -> str:
        name = pod.component
        if name not in checks.LEASED or name in self._proved_leases or pod.option("leader-elect") == "false":
            return ""
        told, self._leases[name] = checks.renewed(api, pod, self._leases.get(name))
        if not told:
            self._proved_leases.add(name)
        return told

    def explain(self, component: str, told: str) -> str:
        """Return a reason with the component's own error line, or the kubelet's where it has none."""
        since = self._system.epoch_of(self.ticks)
        said = self._system.pod_error_line(component, since)
        if said:
            return f"{told}; {component} said: {said}"
        said = self._system.error_line(KUBELET, since, component)
        return f"{told}; the kubelet said: {said}" if said else told
