# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is asked of a node, in one go; nothing is written on it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from . import collect_files, collect_kubelet, collect_transactions
from .background import Background
from .command import CommandError
from .kubelet_process import find_binary
from .redact import redact
from .run import TimeLimitError
from .safe_read import ReadError, read_bytes
from .text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = "1.0"

Data = dict[str, Any]

_GRACE = 5
"""Seconds for writing down, after the time limit, what there is."""

# kubeadm writes these on control planes alone. One is enough: while the manifests are kept elsewhere, to stop
# what they start, the node is not to be taken for a worker.
_CONTROL_PLANE = (
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/etc/kubernetes/manifests/kube-controller-manager.yaml",
    "/etc/kubernetes/manifests/kube-scheduler.yaml",
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
)
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")

# What a section can raise because of what it met on a node. Anything else ends the program, and
# the controller reports it.
_FAILURES = (OSError, ReadError, CommandError, ValueError, KeyError, IndexError, RecursionError, MemoryError)


def main(request: Data) -> Data:
    """Return `{"sections": {...}}` for a request, as plugin_utils.facts.check_request() returns it.

    Each section is `{schema, status, reason, data}`. One that fails says why and takes no other
    with it; when the time is over, the ones that are left say so. What the API server is asked for
    comes last and has a time of its own, so that one that hangs costs nothing else.
    """
    sections: Data = {}
    limits = request["limits"]
    control_plane = _kind() == "control_plane"
    stop = "" if os.geteuid() == 0 else f"the collector ran as uid {os.geteuid()}, not as root: use become"
    # Programs that take a moment to start work beside what is waited for anyhow.
    kubeadm = Background(lambda: _kubeadm(request)) if control_plane and not stop else None
    work: dict[str, Callable[[], Data]] = {
        "node": _node,
        "files": lambda: collect_files.collect(request),
        "transactions": lambda: collect_transactions.collect(request),
        "kubelet": lambda: collect_kubelet.collect(request),
    }
    stop = _collect(work, sections, stop, limits["seconds"])
    if control_plane:
        _control_plane(request, sections, stop, kubeadm)
    return {"sections": sections}


def _control_plane(request: Data, sections: Data, stop: str, kubeadm: Background[Data | None] | None) -> None:
    """Add the sections of a control plane; kubeadm renders while files, API server and kubelets are asked."""
    limits, kubelet = request["limits"], sections["kubelet"]["data"] or {}

    def program() -> Data | None:
        return None if kubeadm is None else kubeadm.result(limits["command_seconds"], None)

    asked, rendering = request["cluster"], None
    if asked and not stop:
        rendering = Background(lambda: _section(lambda: _rendered(request, program(), kubelet)))
    stop = _collect(
        {"static_pods": lambda: _static_pods(request, kubelet, program())}, sections, stop, limits["seconds"]
    )
    if not asked:
        return
    if not stop:
        signal.alarm(limits["cluster_seconds"])
    stop = _collect({"cluster": lambda: _cluster(request)}, sections, stop, limits["cluster_seconds"])
    signal.alarm(0)  # what is left has a patience of its own
    late = _failed(stop or "the API server or kubeadm did not answer in time")
    sections["rendered"] = late if rendering is None else rendering.result(_GRACE, late)


def _collect(work: dict[str, Callable[[], Data]], sections: Data, stop: str, seconds: int) -> str:
    """Add a section for each work, but nothing is done once there is a reason to stop; return that."""
    for name, collect in work.items():
        if stop:
            sections[name] = _failed(stop)
            continue
        try:
            sections[name] = _section(collect)
        except TimeLimitError:
            signal.alarm(_GRACE)
            stop = f"the time limit of {seconds} s was reached"
            sections[name] = _failed(stop)
    return stop


def _section(collect: Callable[[], Data]) -> Data:
    try:
        return {"schema": SCHEMA, "status": "ok", "reason": "", "data": collect()}
    except _FAILURES as reason:
        return _failed(f"{type(reason).__name__}: {reason}")


def _failed(reason: str) -> Data:
    return {"schema": SCHEMA, "status": "error", "reason": one_line(redact(reason)[0]), "data": None}


def _node() -> Data:
    return {
        "hostname": plain(os.uname().nodename),
        "kind": _kind(),
        "os": _os_release(),
        "kernel": plain(os.uname().release),
        "python": ".".join(str(number) for number in sys.version_info[:3]),
        "boot_id": plain(read_bytes(b"/proc/sys/kernel/random/boot_id", 64)).strip(),
        "time": time.time(),
    }


def _cluster(request: Data) -> Data:
    from . import collect_cluster  # noqa: PLC0415  only control planes pay for http and ssl

    return collect_cluster.collect(request)


def _kubeadm(request: Data) -> Data | None:
    from . import kubeadm_render  # noqa: PLC0415

    return kubeadm_render.look(request["limits"]["command_seconds"])


def _static_pods(request: Data, kubelet: Data, kubeadm: Data | None) -> Data:
    from . import collect_static_pods  # noqa: PLC0415

    return collect_static_pods.collect(request, kubelet, kubeadm)


def _rendered(request: Data, kubeadm: Data | None, kubelet: Data) -> Data:
    from . import collect_rendered  # noqa: PLC0415

    name = kubelet.get("node_name") or plain(os.uname().nodename).lower()
    return collect_rendered.collect(request, kubeadm, name)


def _kind() -> str:
    """Return what the node is, by what is installed on it."""
    if any(os.path.exists(path) for path in _CONTROL_PLANE):
        return "control_plane"
    installed = any(os.path.exists(f"{directory}/kubelet.service") for directory in _UNITS)
    return "worker" if installed or find_binary() else "none"


def _os_release() -> Data:
    """Return id, version_id and pretty_name of os-release(5)."""
    values = {}
    for line in plain(read_bytes(b"/etc/os-release", 65536)).splitlines():
        name, _equals, value = line.partition("=")
        values[name] = value.strip().strip("\"'")
    return {name: values.get(name.upper(), "") for name in ("id", "version_id", "pretty_name")}
