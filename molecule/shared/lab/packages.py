# SPDX-License-Identifier: Apache-2.0
"""System packages that the lab needs: found out, installed where that is allowed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from lab.errors import RefusedError
from lab.process import run
from lab.progress import step

# What each package is needed for shows in the file that tells whether it is there: podman and
# what it needs for a network of containers, runc (crun cannot start systemd on hybrid cgroups),
# mmdebstrap and the keys of the Debian archive for root file systems, ssh for the nodes.
PACKAGES: dict[str, str] = {
    "podman": "podman",
    "runc": "runc",
    "iptables": "iptables",
    "iproute2": "ip",
    "netavark": "/usr/lib/podman/netavark",
    "aardvark-dns": "/usr/lib/podman/aardvark-dns",
    "mmdebstrap": "mmdebstrap",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "openssh-client": "ssh-keygen",
}


def _is_there(sign: str) -> bool:
    return Path(sign).exists() if sign.startswith("/") else shutil.which(sign) is not None


def missing_packages(is_there: Callable[[str], bool] = _is_there) -> list[str]:
    """Return the names of the packages that are missing, in the order of PACKAGES."""
    return [name for name, sign in PACKAGES.items() if not is_there(sign)]


def distribution(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the ID of this system (os-release), "" where it has none."""
    if not os_release.exists():
        return ""
    for line in os_release.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == "ID":
            return value.strip().strip("\"'")
    return ""


def check_may_install(missing: list[str], uid: int, system: str) -> None:
    """Refuse where packages are missing that the lab may not or cannot install.

    Raises:
        RefusedError: Names every missing package, and how to get it.
    """
    if not missing:
        return
    if system not in {"debian", "ubuntu"}:
        raise RefusedError(
            f"these programs are missing (Debian's names of their packages): {' '.join(missing)}\n"
            "Only on Debian and Ubuntu does the lab install them itself."
        )
    if uid != 0:
        command = f"apt-get install --no-install-recommends {' '.join(missing)}"
        raise RefusedError(f"these packages are missing: {' '.join(missing)}\nAs root: {command}")


def ensure_packages() -> None:
    """Install what is missing, or refuse with the exact list."""
    missing = missing_packages()
    check_may_install(missing, os.geteuid(), distribution())
    if not missing:
        return
    with step(f"install {' '.join(missing)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], env=environment)
        # --no-remove: whatever the host is for must not be taken away for a lab.
        run(["apt-get", "install", "-y", "--no-install-recommends", "--no-remove", *missing], env=environment)
