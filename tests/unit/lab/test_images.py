# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from lab.errors import LabError
from lab.images import Image, cluster_images, last_part, write_archive
from lab.tarball import Entry, File, Folder, Link, read_member, tar_bytes, write_tar


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {
            member.name: handle.read()
            for member in archive
            if (handle := archive.extractfile(member)) is not None
        }


def test_archive_describes_its_layers_by_the_digest_of_their_bytes(tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    write_tar(base, [File("/etc/base", b"b")])
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    image = Image("lab.test/thing:1", (File("/usr/local/bin/thing", program, 0o755),), ("/thing",), base)
    write_archive(image, tmp_path / "image.tar")

    content = members(tmp_path / "image.tar")
    (described,) = json.loads(content["manifest.json"])
    assert described["RepoTags"] == ["lab.test/thing:1"]
    config = content[described["Config"]]
    assert described["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    layers = [content[name] for name in described["Layers"]]
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert json.loads(config)["rootfs"] == {"type": "layers", "diff_ids": digests}
    assert json.loads(config)["config"]["Entrypoint"] == ["/thing"]
    assert layers[0] == base.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(layers[1])) as top:
        (member,) = top.getmembers()
    assert (member.name, member.mode, member.size) == ("usr/local/bin/thing", 0o755, 4)


def test_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    entries: list[Entry] = [Folder("/etc"), File("/etc/one", b"1"), Link("/etc/two", "one")]
    assert tar_bytes(entries) == tar_bytes(entries)
    with tarfile.open(fileobj=io.BytesIO(tar_bytes(entries))) as archive:
        for member in archive:
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0)


def test_member_is_found_with_and_without_the_leading_dot(tmp_path: Path) -> None:
    write_tar(tmp_path / "root.tar", [File("./bin/one", b"1"), File("bin/two", b"2")])
    assert read_member(tmp_path / "root.tar", "bin/one") == b"1"
    assert read_member(tmp_path / "root.tar", "bin/two") == b"2"
    with pytest.raises(FileNotFoundError, match="no bin/three"):
        read_member(tmp_path / "root.tar", "bin/three")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("registry.k8s.io/coredns/coredns:v1.14.2", "coredns"),
        ("localhost:5000/kube-proxy:v1.36.3", "kube-proxy"),
    ],
)
def test_image_is_filed_under_the_last_part_of_its_name(name: str, short: str) -> None:
    assert last_part(name) == short


def test_image_that_kubeadm_asks_for_and_nobody_makes_is_named(tmp_path: Path) -> None:
    binaries = dict.fromkeys(("kubernetes", "etcd", "coredns", "pause"), tmp_path)
    with pytest.raises(LabError, match="cannot make: kube-novelty"):
        cluster_images({"kube-novelty": "registry.test/kube-novelty:v1"}, binaries, tmp_path, b"")
