# SPDX-License-Identifier: Apache-2.0
"""Root file systems of Debian packages, made by mmdebstrap."""

from __future__ import annotations

import os
from pathlib import Path

from lab.cache import Inputs, cached
from lab.host import go_architecture
from lab.process import run
from lab.progress import step

# bookworm, because newer systemd refuses to start on cgroup v1.
SUITE = "bookworm"

NODE_PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "python3", "openssh-server", "sudo", "iproute2", "procps", "nftables",
    "iptables", "conntrack", "ethtool", "socat", "ca-certificates", "kmod", "curl", "runc", "apparmor",
    "docker-registry",
]  # fmt: skip
# What stands beside kube-proxy in its image, and the source of the test image's busybox.
PROXY_PACKAGES = ["iptables", "nftables", "conntrack", "kmod", "busybox-static"]
_ACTIONS = ("", "-save", "-restore")
BALANCER_PACKAGES = ["haproxy", "busybox-static"]

# It mounts the host's /dev/shm and more into the system that it makes. In namespaces of its own the
# host never sees those mounts, and nothing of it goes on when it is killed.
_APART = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--"]
_WITHOUT = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "/usr/share/info/*"]


def node_root() -> Path:
    """Return a tar of a Debian system with systemd and sshd, as a node has it before Kubernetes."""
    # Every node makes its own machine id, and gets the lab's host key.
    hook = 'rm -f "$1"/etc/ssh/ssh_host_*; : > "$1"/etc/machine-id; rm -f "$1"/var/lib/dbus/machine-id'
    return _mmdebstrap("minbase", NODE_PACKAGES, f"--customize-hook={hook}") / "root.tar"


def proxy_root() -> Path:
    """Return a tar of the programs that kube-proxy calls, with what they link to and nothing else."""
    # The maintainer scripts, which choose between nft and legacy, do not run in this variant;
    # nor do customize hooks.
    names = " ".join(f"{family}{action}" for family in ("iptables", "ip6tables") for action in _ACTIONS)
    hook = f'for name in {names}; do ln -sf xtables-nft-multi "$1/usr/sbin/$name"; done'
    return _mmdebstrap("extract", PROXY_PACKAGES, f"--extract-hook={hook}") / "root.tar"


def balancer_root() -> Path:
    """Return a tar of haproxy and what it links to, and a shell."""
    return _mmdebstrap("extract", BALANCER_PACKAGES) / "root.tar"


def debian_root() -> Path:
    """Return a tar of the Debian that is also published as the image `debian`."""
    return _mmdebstrap("minbase", ["ca-certificates"]) / "root.tar"


def _mmdebstrap(variant: str, packages: list[str], *hooks: str) -> Path:
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _WITHOUT]
    options += [*hooks, '--aptopt=Acquire::Retries "3"']

    def build(target: Path) -> None:
        with step(f"make a root file system ({packages[0]} …)", slow="about a minute"):
            words = [f"--variant={variant}", f"--include={','.join(packages)}", *options]
            # Its own workshop in ours, so that what a killed one leaves is cleared away too.
            environment = {**os.environ, "TMPDIR": str(target)}
            run([*_APART, "mmdebstrap", *words, SUITE, target / "root.tar"], env=environment)

    inputs: Inputs = {
        "suite": SUITE,
        "variant": variant,
        "packages": packages,
        "options": options,
        "architecture": go_architecture(),
    }
    return cached("rootfs", inputs, build)
