# SPDX-License-Identifier: Apache-2.0
"""The podman images that nodes start from: a Debian system with Kubernetes laid in as its packages do."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lab.cache import Inputs, cache_root, digest_files, key_of, locked
from lab.podman import image_exists, podman
from lab.progress import step
from lab.rootfs import balancer_root, debian_root, node_root
from lab.tarball import Entry, File, Folder, Link, add_entries

# Files as the packages kubelet, kubeadm and kubernetes-cni of the Kubernetes project install
# them (kubernetes/release, cmd/krel/templates/latest), and the units of containerd and the lab.
TREE = Path(__file__).parent.parent / "node"
_UNITS = "/usr/lib/systemd/system"
_ENABLED = ("kubelet.service", "containerd.service", "pod-routes.service")
# They only cost time: a node lives for an hour and has no console. But for the first one, which
# would set the kernel of the host. A registry runs where a test starts one.
_MASKED = (
    "systemd-sysctl.service", "apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service",
    "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "getty@.service",
    "docker-registry.service",
)  # fmt: skip
PROGRAMS = {
    "kubernetes": ("kubelet", "kubeadm", "kubectl"),
    "containerd": ("containerd", "containerd-shim-runc-v2", "ctr"),
    "cri-tools": ("crictl",),
}


def node_image(binaries: Mapping[str, Path]) -> str:
    """Return the name of the image of a node with these programs, making it first where it is missing."""
    root = node_root()
    inputs: Inputs = {
        "root": root.parent.name,
        "binaries": [binaries[name].name for name in sorted([*PROGRAMS, "cni-plugins"])],
        "tree": digest_files(_tree()),
        "recipe": digest_files({"nodeimage.py": Path(__file__)}),
    }
    name = f"localhost/cksharden-lab/node:{key_of(inputs)}"
    _ensure(name, "node image", root, node_entries(binaries))
    return name


def balancer_image() -> str:
    """Return the name of the load balancer's image, making it first where it is missing."""
    root = balancer_root()
    name = f"localhost/cksharden-lab/balancer:{root.parent.name}"
    _ensure(name, "load balancer image", root, [])
    return name


def debian_image() -> str:
    """Return the name of an image of Debian alone, making it first where it is missing."""
    root = debian_root()
    name = f"localhost/cksharden-lab/debian:{root.parent.name}"
    _ensure(name, "Debian image", root, [])
    return name


def node_entries(binaries: Mapping[str, Path]) -> list[Entry]:
    """Return what a node has on top of Debian."""
    # Directories that the packages own, with their modes; kubeadm would make /var/lib/kubelet 0700.
    entries: list[Entry] = [Folder(path) for path in (
        "/etc/kubernetes", "/etc/kubernetes/manifests", "/var/lib/kubelet", "/etc/cni", "/etc/cni/net.d",
        "/opt/cni", "/opt/cni/bin", f"{_UNITS}/kubelet.service.d", "/etc/containerd",
    )]  # fmt: skip
    entries += [File(name, path) for name, path in _tree().items()]
    wants = "/etc/systemd/system/multi-user.target.wants"
    entries += [Link(f"{wants}/{unit}", f"{_UNITS}/{unit}") for unit in _ENABLED]
    entries += [Link(f"/etc/systemd/system/{unit}", "/dev/null") for unit in _MASKED]
    for component, programs in PROGRAMS.items():
        entries += [File(f"/usr/bin/{program}", binaries[component] / program, 0o755) for program in programs]
    plugins = sorted(path for path in binaries["cni-plugins"].iterdir() if path.suffix != ".json")
    entries += [File(f"/opt/cni/bin/{path.name}", path, 0o755) for path in plugins]
    return entries


def _tree() -> dict[str, Path]:
    """Return the files of TREE by their place on a node."""
    return {f"/{path.relative_to(TREE)}": path for path in sorted(TREE.rglob("*")) if path.is_file()}


def _ensure(name: str, title: str, root: Path, entries: list[Entry]) -> None:
    if image_exists(name):
        return
    with locked("images"):
        if image_exists(name):
            return
        with step(f"make the {title}"):
            whole = cache_root() / "unfinished" / f"{name.rpartition(':')[2]}.tar"
            whole.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root, whole)
            with tarfile.open(whole, "a", format=tarfile.GNU_FORMAT) as archive:
                add_entries(archive, entries)
            podman("import", "--quiet", str(whole), name)
            whole.unlink()
