# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a control plane, and which of their options name files."""

from __future__ import annotations

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
"""kubeadm gives program, pod, container and manifest of each its name."""

CONFIGURATION = "configuration"
"""Its text is read, secrets replaced."""
KEYS = "keys"
"""The same, and nothing passes that could be a key."""
CERTIFICATE = "certificate"
"""Its digest is taken: whether two are one is all that is asked of it."""
PRIVATE = "private"
"""It holds keys, tokens or what the cluster did: only its attributes are looked at."""
STRICTNESS = (CONFIGURATION, KEYS, CERTIFICATE, PRIVATE)
"""Of two options that name one file the stricter counts."""

FILE_OPTIONS = {
    "admission-control-config-file": CONFIGURATION,
    "audit-policy-file": CONFIGURATION,
    "authentication-config": CONFIGURATION,
    "authorization-config": CONFIGURATION,
    "authorization-policy-file": CONFIGURATION,
    "config": CONFIGURATION,
    "config-file": CONFIGURATION,
    "egress-selector-config-file": CONFIGURATION,
    "tracing-config-file": CONFIGURATION,
    "encryption-provider-config": KEYS,
    "cert-file": CERTIFICATE,
    "client-ca-file": CERTIFICATE,
    "cluster-signing-cert-file": CERTIFICATE,
    "cluster-signing-kube-apiserver-client-cert-file": CERTIFICATE,
    "cluster-signing-kubelet-client-cert-file": CERTIFICATE,
    "cluster-signing-kubelet-serving-cert-file": CERTIFICATE,
    "cluster-signing-legacy-unknown-cert-file": CERTIFICATE,
    "client-crl-file": CERTIFICATE,
    "etcd-cafile": CERTIFICATE,
    "etcd-certfile": CERTIFICATE,
    "kubelet-certificate-authority": CERTIFICATE,
    "kubelet-client-certificate": CERTIFICATE,
    "oidc-ca-file": CERTIFICATE,
    "peer-cert-file": CERTIFICATE,
    "peer-crl-file": CERTIFICATE,
    "peer-trusted-ca-file": CERTIFICATE,
    "proxy-client-cert-file": CERTIFICATE,
    "requestheader-client-ca-file": CERTIFICATE,
    "root-ca-file": CERTIFICATE,
    "tls-cert-file": CERTIFICATE,
    "trusted-ca-file": CERTIFICATE,
    "audit-log-path": PRIVATE,
    "audit-webhook-config-file": PRIVATE,
    "authentication-kubeconfig": PRIVATE,
    "authentication-token-webhook-config-file": PRIVATE,
    "authorization-kubeconfig": PRIVATE,
    "authorization-webhook-config-file": PRIVATE,
    "basic-auth-file": PRIVATE,
    "cloud-config": PRIVATE,
    "cluster-signing-key-file": PRIVATE,
    "cluster-signing-kube-apiserver-client-key-file": PRIVATE,
    "cluster-signing-kubelet-client-key-file": PRIVATE,
    "cluster-signing-kubelet-serving-key-file": PRIVATE,
    "cluster-signing-legacy-unknown-key-file": PRIVATE,
    "data-dir": PRIVATE,
    "etcd-keyfile": PRIVATE,
    "key-file": PRIVATE,
    "kubeconfig": PRIVATE,
    "kubelet-client-key": PRIVATE,
    "peer-key-file": PRIVATE,
    "proxy-client-key-file": PRIVATE,
    "service-account-key-file": PRIVATE,
    "service-account-private-key-file": PRIVATE,
    "service-account-signing-key-file": PRIVATE,
    "tls-private-key-file": PRIVATE,
    "token-auth-file": PRIVATE,
    "wal-dir": PRIVATE,
}
"""Options of every component, underscores as dashes -> how the file is looked at."""

NESTING = "admission-control-config-file"
"""The option whose file names others, relative to itself (apiserver, pkg/admission/config.go)."""

RELOADED = {
    "authentication": "authentication-config",
    "authorization": "authorization-config",
    "encryption": "encryption-provider-config",
}
"""Configurations that an API server reads again while it runs, and the option that names each file."""
