# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is asked of a node, in one go; nothing is written on it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from . import collect_files, collect_kubelet, collect_transactions
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
    with it; when the time is over, the ones that are left say so. The cluster comes last and has a
    time of its own, so that an API server that hangs costs nothing else.
    """
    work: dict[str, Callable[[Data], Data]] = {
        "node": _node,
        "files": collect_files.collect,
        "transactions": collect_transactions.collect,
        "kubelet": collect_kubelet.collect,
    }
    if request["cluster"] and _kind() == "control_plane":
        work["cluster"] = _cluster
    seconds = request["limits"]["seconds"]
    sections: Data = {}
    stop = "" if os.geteuid() == 0 else f"the collector ran as uid {os.geteuid()}, not as root: use become"
    for name, collect in work.items():
        if stop:
            sections[name] = _failed(stop)
            continue
        if name == "cluster":
            seconds = request["limits"]["cluster_seconds"]
            signal.alarm(seconds)
        try:
            sections[name] = {"schema": SCHEMA, "status": "ok", "reason": "", "data": collect(request)}
        except TimeLimitError:
            signal.alarm(_GRACE)
            stop = f"the time limit of {seconds} s was reached"
            sections[name] = _failed(stop)
        except _FAILURES as reason:
            sections[name] = _failed(f"{type(reason).__name__}: {reason}")
    return {"sections": sections}


def _failed(reason: str) -> Data:
    return {"schema": SCHEMA, "status": "error", "reason": one_line(redact(reason)[0]), "data": None}


def _node(_request: Data) -> Data:
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
