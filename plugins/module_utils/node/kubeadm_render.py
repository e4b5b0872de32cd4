# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests that the node's own kubeadm makes of a ClusterConfiguration; no cluster is asked for it.

kubeadm writes them into a directory of ours, and nothing else anywhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from functools import partial
from typing import NamedTuple

from .background import Background
from .command import PATH, CommandError, ask
from .components import COMPONENTS
from .safe_read import read_bytes
from .text import plain

_PHASES = (("control-plane", "all"), ("etcd", "local"))
_SAYS = 1024 * 1024
"""Bytes that kubeadm may say; a dry run shows what it would write."""
_LARGEST = 1024 * 1024
_API_VERSION = re.compile(
    r"""^apiVersion:[ \t]*["']?(kubeadm\.k8s\.io/v[0-9a-z]+)["']?[ \t]*$""", re.MULTILINE
)
_VERSION = re.compile(
    r"""^kubernetesVersion:[ \t]*["']?(v?\d+\.\d+\.\d+[\w.+-]*)["']?[ \t]*$""", re.MULTILINE
)
_MEMORY = "/run"
"""Memory, for the eyes of root: the secrets of a configuration come out in the manifests."""
_SOCKET = "unix:///run/containerd/containerd.sock"
"""kubeadm looks for a runtime where none is named, and no manifest depends on it."""


class RenderError(ValueError):
    """kubeadm can't be asked for the manifests, or made none; the text says why."""


class Local(NamedTuple):
    """What a manifest says of this node, where the ClusterConfiguration speaks of all."""

    node_name: str
    advertise_address: str
    bind_port: int
    patches_dir: str | None
    """Where the patches lie that kubeadm is given; None for nowhere."""


def look(seconds: float) -> dict[str, str | None] | None:
    """Return {path, version} of the node's kubeadm, "v1.37.2"; no version where it does not say it.

    None where there is no kubeadm.
    """
    path = shutil.which("kubeadm", path=PATH)
    if path is None:
        return None
    try:
        said = plain(ask([path, "version", "-o", "short"], seconds, 65536)).strip()
    except CommandError:
        said = ""
    return {"path": path, "version": said if re.fullmatch(r"v\d+\.\d+\.\d+\S*", said) else None}


def configured_version(configuration: str) -> str:
    """Return the kubernetesVersion of a ClusterConfiguration.

    Raises RenderError where it is none: kubeadm would ask the Internet for the newest.
    """
    found = _VERSION.findall(configuration)
    if len(found) != 1:
        raise RenderError("the ConfigMap kubeadm-config names no kubernetesVersion")
    return str(found[0])


def render(kubeadm: str, configuration: str, local: Local, seconds: float) -> dict[str, str]:
    """Return component -> manifest; etcd has none where it is external.

    Args:
        kubeadm: path of the program; its minor must be the one that configuration names.
        configuration: YAML of a ClusterConfiguration, v1beta3 or v1beta4.
        local: this node.
        seconds: patience with each of two calls.

    Raises CommandError with kubeadm's own error line, RenderError, or OSError.
    """
    given = f"{configuration}\n---\n{_init_configuration(configuration, local)}\n".encode()
    with tempfile.TemporaryDirectory(prefix="cksharden-", dir=_MEMORY) as directory:
        calls = [Background(partial(_write, kubeadm, phase, given, directory, seconds)) for phase in _PHASES]
        late = CommandError("kubeadm did not end in time")
        errors = [call.result(seconds + 1, late) for call in calls]  # of all, before the directory goes
        for error in errors:
            if error is not None:
                raise error
        found = {name: os.path.join(directory, f"{name}.yaml") for name in COMPONENTS}
        return {
            name: plain(read_bytes(os.fsencode(path), _LARGEST))
            for name, path in found.items()
            if os.path.exists(path)
        }


def _write(
    kubeadm: str, phase: tuple[str, str], given: bytes, directory: str, seconds: float
) -> CommandError | None:
    """Have kubeadm write the manifests of a phase; return why it did not."""
    words = [kubeadm, "init", "phase", *phase, "--config", "/dev/stdin", "--dry-run"]
    try:
        ask(words, seconds, _SAYS, given, {"KUBEADM_INIT_DRYRUN_DIR": directory})
    except CommandError as error:
        return error
    return None


def _init_configuration(configuration: str, local: Local) -> str:
    """Return the part of an InitConfiguration that manifests depend on, as JSON, which is YAML."""
    versions = _API_VERSION.findall(configuration)
    if len(versions) != 1:
        raise RenderError("the ConfigMap kubeadm-config names no apiVersion of kubeadm.k8s.io")
    document = {
        "apiVersion": versions[0],
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": local.advertise_address, "bindPort": local.bind_port},
        "nodeRegistration": {"name": local.node_name, "criSocket": _SOCKET},
    }
    if local.patches_dir:
        document["patches"] = {"directory": local.patches_dir}
    return json.dumps(document)
