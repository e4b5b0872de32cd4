# SPDX-License-Identifier: Apache-2.0
"""Container images without a registry: docker archives around our own static programs."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.host import go_architecture
from lab.process import run
from lab.tarball import Entry, File, Folder, Link, write_tar

TEST_IMAGE = "cksharden.lab/busybox:1"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """An image to write: one layer of entries on top of an archive that already is a layer."""

    name: str
    entries: tuple[Entry, ...]
    entrypoint: tuple[str, ...]
    base: Path | None = field(default=None)


def image_names(kubeadm: Path, kubernetes: str) -> dict[str, str]:
    """Return what kubeadm calls the images of a cluster, by their last part ("kube-proxy", "etcd")."""
    listed = run([kubeadm, "config", "images", "list", "--kubernetes-version", f"v{kubernetes}"]).stdout
    return {last_part(name): name for name in listed.split()}


def last_part(name: str) -> str:
    """Return "etcd" of "registry.k8s.io/etcd:3.6.8-0"."""
    return name.rpartition("/")[2].partition(":")[0]


def cluster_images(
    names: Mapping[str, str], binaries: Mapping[str, Path], proxy_root: Path, busybox: bytes
) -> list[Image]:
    """Return every image that a node of the lab needs, kubeadm's and the one for tests.

    Raises:
        LabError: kubeadm asks for an image that this file does not know.
    """
    programs = {
        "kube-apiserver": binaries["kubernetes"],
        "kube-controller-manager": binaries["kubernetes"],
        "kube-scheduler": binaries["kubernetes"],
        "kube-proxy": binaries["kubernetes"],
        "etcd": binaries["etcd"],
        "coredns": binaries["coredns"],
        "pause": binaries["pause"],
    }
    unknown = sorted(set(names) - set(programs))
    if unknown:
        raise LabError(f"kubeadm asks for images that the lab cannot make: {', '.join(unknown)}")
    images = []
    for name, full_name in sorted(names.items()):
        # CoreDNS' manifest calls no command: its image's entry point is the program.
        place = {"coredns": "/coredns", "pause": "/pause"}.get(name, f"/usr/local/bin/{name}")
        base = proxy_root if name == "kube-proxy" else None
        images.append(Image(full_name, (File(place, programs[name] / name, 0o755),), (place,), base))
    return [*images, _test_image(busybox)]


def write_archive(image: Image, target: Path) -> None:
    """Write a docker archive that `ctr images import` takes: configuration, layers, manifest."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        top = Path(folder) / "top.tar"
        write_tar(top, image.entries)
        layers = [*([image.base] if image.base else []), top]
        config = json.dumps(
            {
                "architecture": go_architecture(),
                "os": "linux",
                "config": {"Env": [_PATH], "Entrypoint": list(image.entrypoint), "WorkingDir": "/"},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}" for layer in layers]},
            }
        ).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        layer_names = [f"layer{number}.tar" for number in range(len(layers))]
        manifest = [{"Config": config_name, "RepoTags": [image.name], "Layers": layer_names}]
        write_tar(
            target,
            [
                File(config_name, config),
                *(File(name, layer) for name, layer in zip(layer_names, layers, strict=True)),
                File("manifest.json", json.dumps(manifest).encode()),
            ],
        )


def _test_image(busybox: bytes) -> Image:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "busybox"  # it looks at its own name
        program.write_bytes(busybox)
        program.chmod(0o755)
        applets = run([program, "--list"]).stdout.split()
    links = tuple(Link(f"/bin/{applet}", "/bin/busybox") for applet in sorted(applets) if applet != "busybox")
    folders = (Folder("/tmp", 0o1777), Folder("/www"))
    return Image(TEST_IMAGE, (*folders, File("/bin/busybox", busybox, 0o755), *links), ("/bin/sh",))


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
