# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flag of a kubelet says the same as a key of its configuration: the flag is what counts.

Such a flag is called as its key is, with dashes for capitals and dots (tls-min-version, tlsMinVersion); those
that are not stand here. Source: kubernetes, cmd/kubelet/app/options/options.go, AddKubeletConfigFlags, and
component-base/logs/api/v1/options.go; compared with the flags and the keys of a kubelet 1.37.
"""

from __future__ import annotations

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import Flag

_KEYS = {
    "anonymous-auth": "authentication.anonymous.enabled",
    "authentication-token-webhook": "authentication.webhook.enabled",
    "authentication-token-webhook-cache-ttl": "authentication.webhook.cacheTTL",
    "client-ca-file": "authentication.x509.clientCAFile",
    "contention-profiling": "enableContentionProfiling",
    "event-qps": "eventRecordQPS",
    "image-gc-high-threshold": "imageGCHighThresholdPercent",
    "image-gc-low-threshold": "imageGCLowThresholdPercent",
    "kube-api-content-type": "contentType",
    "log-flush-frequency": "logging.flushFrequency",
    "log-json-info-buffer-size": "logging.options.json.infoBufferSize",
    "log-json-split-stream": "logging.options.json.splitStream",
    "log-text-info-buffer-size": "logging.options.text.infoBufferSize",
    "log-text-split-stream": "logging.options.text.splitStream",
    "manifest-url": "staticPodURL",
    "manifest-url-header": "staticPodURLHeader",
    "minimum-image-ttl-duration": "imageMinimumGCAge",
    "pod-manifest-path": "staticPodPath",
    "pod-max-pids": "podPidsLimit",
    "registry-qps": "registryPullQPS",
    "reserved-cpus": "reservedSystemCPUs",
    "rotate-server-certificates": "serverTLSBootstrap",
    "v": "logging.verbosity",
    "vmodule": "logging.vmodule",
}


def overrides(flag: Flag, key: str) -> bool:
    """Tell whether a flag of the command line says what a dotted key of the configuration was to say.

    A flag whose value is a map says all of it, but for the feature gates: it speaks of those that it names.
    """
    parts = key.split(".")
    above = [".".join(parts[:number]) for number in range(1, len(parts) + 1)]
    if flag.name == "feature-gates":
        gates = [each.partition("=")[0].strip() for each in flag.value.split(",")]
        return above[0] == "featureGates" and parts[-1] in gates
    if flag.name in _KEYS:
        return _KEYS[flag.name] in above
    return flag.name.replace("-", "") in [each.replace(".", "").lower() for each in above]
