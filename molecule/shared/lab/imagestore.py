# SPDX-License-Identifier: Apache-2.0
"""containerd's directory with every image in it, made once and laid into each node by hard links."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.cache import Inputs, cached, digest_files
from lab.host import may_raise_limits
from lab.images import cluster_images, image_names, last_part, write_archive
from lab.podman import podman, privileged_options
from lab.process import run
from lab.progress import step
from lab.remove import remove_tree
from lab.rootfs import proxy_root
from lab.tarball import read_member

# Started by hand in a node's image. The images are unpacked, so that a node unpacks nothing; the
# sandbox image is pinned as its pull would have pinned it, or the kubelet's clean-up takes it.
_IMPORT = """
set -e
containerd >/tmp/containerd.log 2>&1 &
daemon=$!
for try in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
for archive in /archives/*.tar; do
    ctr -n k8s.io images import "$archive" >/tmp/import.log 2>&1 ||
        { cat /tmp/import.log /tmp/containerd.log; exit 1; }
done
ctr -n k8s.io images label "$1" io.cri-containerd.pinned=pinned >/dev/null
kill $daemon
wait $daemon || true
"""

_COMPONENTS = ("coredns", "etcd", "kubernetes", "pause")


def image_archives(kubernetes: str, binaries: Mapping[str, Path]) -> Path:
    """Return the directory of every image as an archive NAME.tar, making it first where it is missing."""
    root = proxy_root()
    names = image_names(binaries["kubernetes"] / "kubeadm", kubernetes)

    def build(target: Path) -> None:
        with step("make the container images"):
            busybox = read_member(root, "bin/busybox")
            for image in cluster_images(names, binaries, root, busybox):
                write_archive(image, target / f"{last_part(image.name)}.tar")

    inputs: Inputs = {
        "names": sorted(names.values()),
        "binaries": [binaries[name].name for name in _COMPONENTS],
        "proxy_root": root.parent.name,
        "recipe": digest_files({"images.py": Path(__file__).with_name("images.py")}),
    }
    return cached("archives", inputs, build)


def image_store(kubernetes: str, binaries: Mapping[str, Path], node_image: str) -> Path:
    """Return what can become a node's /var/lib/containerd, making it first where it is missing."""
    archives = image_archives(kubernetes, binaries)
    sandbox = sandbox_image(kubernetes, binaries)

    def build(target: Path) -> None:
        with step("unpack the container images"):
            store = target / "containerd"
            store.mkdir()
            podman("run", "--rm", *privileged_options(), "--network", "none",
                   "--volume", f"{archives}:/archives:ro", "--volume", f"{store}:/var/lib/containerd",
                   "--tmpfs", "/run", "--tmpfs", "/tmp",
                   node_image, "/bin/sh", "-c", _IMPORT, "import", sandbox)  # fmt: skip

    inputs: Inputs = {
        "archives": archives.name,
        "containerd": binaries["containerd"].name,
        "recipe": digest_files({"imagestore.py": Path(__file__)}),
    }
    return cached("images", inputs, build) / "containerd"


def sandbox_image(kubernetes: str, binaries: Mapping[str, Path]) -> str:
    """Return the name of the image that holds a pod's namespaces."""
    return image_names(binaries["kubernetes"] / "kubeadm", kubernetes)["pause"]


def containerd_config(sandbox: str) -> str:
    """Return /etc/containerd/config.toml: containerd's defaults but for what kubeadm or the host asks."""
    # Without CAP_SYS_RESOURCE nobody may lower an OOM score, and runc dies trying.
    restrict = "false" if may_raise_limits() else "true"
    return f"""version = 3

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{sandbox}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = {restrict}

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = true
"""


def lay_store(store: Path, target: Path) -> None:
    """Fill a node's containerd directory from the store.

    Layers and blobs are only ever read or unlinked, so they are hard links; the databases are
    written in place and are copied.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    linked = run(["cp", "--archive", "--link", store, target], expect=None)
    if linked.returncode != 0:
        # The cache spans file systems here.
        remove_tree(target)
        run(["cp", "--archive", "--reflink=auto", store, target])
        return
    for database in store.rglob("*.db"):
        copy = target / database.relative_to(store)
        copy.unlink()
        shutil.copy2(database, copy)
