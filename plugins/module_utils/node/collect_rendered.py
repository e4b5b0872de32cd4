# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests that the next `kubeadm upgrade` would write: today's kubeadm-config, rendered on the node."""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from . import collect_kubelet, kubeadm_render
from .kubeadm_render import Local, RenderError
from .kubeapi import ADMIN, MANIFEST, Api, own_server
from .redact import redact
from .text import plain

Data = dict[str, Any]

_CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
# Where kubeadm itself looks, when it upgrades, for what it was told when the node joined.
_ENDPOINT = re.compile(
    r"""kube-apiserver\.advertise-address\.endpoint["']?:[ \t]*["']?\[?([\w.:]+?)\]?:(\d+)["']?[ \t]*$""",
    re.MULTILINE,
)
_PATCH = re.compile(
    rb"(?:kube-apiserver|kube-controller-manager|kube-scheduler|etcd).*\.(?:json|yaml)", re.DOTALL
)


class Configured(NamedTuple):
    """What kubeadm is given on this node today."""

    kubeadm: str
    """The path of the program."""
    configuration: str
    version: str
    resource_version: str
    local: Local
    seconds: float
    """Patience with one call."""

    def render(self, configuration: str) -> dict[str, str]:
        """Return what kubeadm makes of a configuration. See kubeadm_render.render."""
        return kubeadm_render.render(self.kubeadm, configuration, self.local, self.seconds)


def configured(request: Data, kubeadm: Data | None, node_name: str) -> Configured:
    """Return what kubeadm can be given, as for collect. Raises RenderError, ApiError or OSError."""
    if kubeadm is None:
        raise RenderError("the node has no kubeadm")
    local = _local(request, node_name)
    found = _config_map()
    configuration = (found.get("data") or {}).get("ClusterConfiguration")
    if not isinstance(configuration, str):
        raise RenderError("the ConfigMap kubeadm-config holds no ClusterConfiguration")
    version = kubeadm_render.configured_version(configuration)
    if _minor(kubeadm["version"] or "") != _minor(version):
        raise RenderError(
            f"the node's kubeadm is {kubeadm['version'] or 'of no known version'}, and the cluster's "
            f"configuration is for {version}: only one of the same minor renders what it would write"
        )
    seconds = float(request["limits"]["command_seconds"])
    number = plain(found["metadata"]["resourceVersion"])
    return Configured(kubeadm["path"], configuration, version, number, local, seconds)


def collect(request: Data, kubeadm: Data | None, node_name: str) -> Data:
    """Return the section `rendered`.

    Args:
        request: as for the collector.
        kubeadm: path and version of the node's, as in the section `static_pods`; None where it has none.
        node_name: what the kubelet calls the node.

    Raises RenderError, CommandError, ApiError or OSError with the reason why there are no manifests.
    """
    found = configured(request, kubeadm, node_name)
    texts = found.render(found.configuration)
    return {
        "kubernetes_version": found.version,
        "resource_version": found.resource_version,
        "manifests": {name: _manifest(text) for name, text in texts.items()},
    }


def _manifest(text: str) -> Data:
    clean, redacted = redact(text)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return {"text": clean, "redacted": redacted, "digest": None if redacted else digest}


def _local(request: Data, node_name: str) -> Local:
    """Return what the live manifest and the request say of this node."""
    with open(MANIFEST, encoding="utf-8", errors="replace") as stream:
        endpoint = _ENDPOINT.search(stream.read(int(request["limits"]["file_bytes"])))
    if endpoint is None:
        raise RenderError(f"{MANIFEST} does not name the node's own endpoint as kubeadm's annotation does")
    return Local(node_name, endpoint[1], int(endpoint[2]), _patches_dir(request))


def _patches_dir(request: Data) -> str | None:
    named = request["patches_dir"]
    if named is not None:
        return str(named) or None
    unnamed = collect_kubelet.walk(collect_kubelet.PATCHES_DIR, _PATCH, int(request["limits"]["matches"]))
    if unnamed:
        names = ", ".join(plain(path) for path in unnamed)
        raise RenderError(
            f"the next upgrade may or may not be given {names}: name their directory as "
            'kubeadm_patches_dir in the inventory, or "" if they are not used'
        )
    return None


def _config_map() -> Data:
    with Api(ADMIN, own_server(MANIFEST)) as api:
        return api.get(_CONFIG_MAP)


def _minor(version: str) -> list[str]:
    return version.lstrip("v").split(".")[:2]
