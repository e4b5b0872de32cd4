# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import (
    collect_kubelet,
    collector,
    read_files,
)
from ansible_collections.cksharden.node.plugins.module_utils.node.run import TimeLimitError
from ansible_collections.cksharden.node.plugins.plugin_utils.facts import DEFAULT_LIMITS
from tests.unit.collect.conftest import FakeNode

LIMITS = DEFAULT_LIMITS | {"file_bytes": 1000, "matches": 20}
REQUEST: dict[str, Any] = {"files": [], "cluster": False, "patches_dir": "", "limits": LIMITS}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a node is asked as root")


def kubelet(**limits: int) -> dict[str, Any]:
    return collect_kubelet.collect(REQUEST | {"limits": LIMITS | limits})


def test_a_kubelet_that_does_not_run(node: FakeNode) -> None:
    data = kubelet()
    files = data.pop("files")
    assert data == {
        "node_name": os.uname().nodename.lower(),
        "version": "v1.37.2",
        "binary": f"{node.root}/bin/kubelet",
        "unit": {
            "load_state": "loaded",
            "active_state": "active",
            "main_pid": 0,
            "n_restarts": 3,
            "fragment_path": str(node.unit),
            "drop_in_paths": [str(node.drop_in)],
            "need_daemon_reload": False,
        },
        "process": None,
        "config_dir_files": [],
        "patches": {"directory": "", "named": True, "files": []},
    }
    read = {
        path.removeprefix(f"{node.root}/"): entry["text"] for path, entry in files.items() if entry["exists"]
    }
    assert set(read) == {"kubelet.service", "kubelet.service.d/10-kubeadm.conf", "flags.env", "config.yaml"}
    assert read["config.yaml"] == "kind: KubeletConfiguration\n"
    assert files[f"{node.root}/absent.env"]["exists"] is False


def test_the_live_process_says_where_its_configuration_is(running: FakeNode) -> None:
    running.write(running.root / "other.yaml", "kind: KubeletConfiguration\n")
    for name in ("50-a.conf", "10-z.conf", "20/b.conf", "20/a.conf", "30.conf/c.conf", "note.txt", ".conf"):
        running.write(running.root / "conf.d" / name, "{}")
    (running.root / "conf.d/40-linked").symlink_to("20")
    before = time.time()
    data = kubelet()
    process = data["process"]
    assert process["pid"] == running.pid
    assert process["argv"][0] == "/usr/bin/kubelet"
    assert process["argv"][-1] == "--bootstrap-token=[redacted]"
    assert before - 60 < process["started"] < before + 1
    assert f"{running.root}/other.yaml" in data["files"]
    # filepath.WalkDir: by name in each directory, the directories in their place.
    names = [path.removeprefix(f"{running.root}/conf.d/") for path in data["config_dir_files"]]
    assert names == [".conf", "10-z.conf", "20/a.conf", "20/b.conf", "30.conf/c.conf", "50-a.conf"]


def test_the_ca_that_the_configuration_or_a_flag_names_is_described_and_not_read(node: FakeNode) -> None:
    ca, other = node.write(node.root / "ssl/ca.crt", "a CA"), node.root / "other.crt"
    node.write(
        node.root / "config.yaml", f"authentication:\n  x509:\n    clientCAFile: {ca}\nclientCAFile: /a\0b\n"
    )
    node.write(node.root / "flags.env", f'A="--client-ca-file={other}"\n')
    files = kubelet()["files"]
    assert (files[str(ca)]["exists"], files[str(ca)]["owner"] is not None) == (True, True)
    assert files[str(other)]["exists"] is False
    assert "text" not in files[str(ca)]


def test_a_kubelet_that_does_not_run_is_called_what_its_files_say(node: FakeNode) -> None:
    node.write(node.root / "flags.env", '# A="--hostname-override=no"\nB="--hostname-override=Node4"\n')
    assert kubelet()["node_name"] == "node4"


def test_links_of_drop_ins(running: FakeNode) -> None:
    conf, secret = running.root / "conf.d", running.write(running.root / "elsewhere/secret", "theirs")
    running.write(conf / "data/real", "mine")
    (conf / "10.conf").symlink_to("data/real")
    (conf / "20.conf").symlink_to(secret)
    (conf / "30.conf").symlink_to("30.conf")
    files = kubelet()["files"]
    assert files[f"{conf}/10.conf"]["text"] == "mine"
    assert "link out of its directory" in files[f"{conf}/20.conf"]["error"]
    assert "circle" in files[f"{conf}/30.conf"]["error"]
    assert "theirs" not in json.dumps(files)


def test_a_drop_in_directory_that_is_a_link_is_not_walked(running: FakeNode) -> None:
    running.write(running.root / "real.d/10.conf", "{}")
    (running.root / "conf.d").symlink_to("real.d")
    assert kubelet()["config_dir_files"] == []


def test_our_own_directory_is_read_while_it_is_not_used(node: FakeNode) -> None:
    ours = node.write(node.root / "ours.conf.d/99-cksharden.conf", "{}")
    data = kubelet()
    assert data["config_dir_files"] == []
    assert data["files"][str(ours)]["text"] == "{}"


def test_patches_that_kubeadm_would_use(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    there = node.root / "patches"
    names = ("kubeletconfiguration1.yaml", "kubeletconfiguration0+merge.json", "a/kubeletconfiguration.yaml")
    for name in (*names, "kubeletconfiguration.yml", "kube-apiserver.yaml", "note+kubeletconfiguration.yaml"):
        node.write(there / name, "readOnlyPort: 1\n")
    ordered = [f"{there}/{names[2]}", f"{there}/{names[1]}", f"{there}/{names[0]}"]
    for given, named in ((str(there), True), (None, False)):
        monkeypatch.setattr(collect_kubelet, "PATCHES_DIR", str(there))
        data = collect_kubelet.collect(REQUEST | {"patches_dir": given})
        assert data["patches"] == {"directory": str(there), "named": named, "files": ordered}
        assert data["files"][ordered[0]]["text"] == "readOnlyPort: 1\n"
    assert kubelet()["patches"]["files"] == []


def test_hostile_drop_ins(running: FakeNode) -> None:
    conf = running.root / "conf.d"
    conf.mkdir()
    (conf / os.fsdecode(b"caf\xe9.conf")).write_bytes(b"\xff\x00")
    (conf / "new\nline{{ x }}.conf").write_text("a: {{ lookup('pipe', 'id') }}\n")
    (conf / "key.conf").write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n")
    os.mkfifo(conf / "fifo.conf")
    with (conf / "sparse.conf").open("wb") as stream:
        stream.truncate(1 << 30)
    data = json.loads(json.dumps(kubelet()).encode("ascii"))
    files = data["files"]
    assert files[f"{conf}/caf\\xe9.conf"]["error"] == "its name holds bytes that are not UTF-8"
    assert files[f"{conf}/caf\\xe9.conf"]["lossy"]
    assert files[f"{conf}/new\nline{{{{ x }}}}.conf"]["text"] == "a: {{ lookup('pipe', 'id') }}\n"
    assert files[f"{conf}/key.conf"]["text"] == "[redacted]\n"
    assert files[f"{conf}/key.conf"]["redacted"]
    assert files[f"{conf}/fifo.conf"]["error"] == "it is no regular file"
    assert files[f"{conf}/sparse.conf"]["truncated"]


def test_too_many_drop_ins(running: FakeNode) -> None:
    for number in range(4):
        running.write(running.root / f"conf.d/{number}.conf", "{}")
    with pytest.raises(ValueError, match="holds more than 3 files"):
        kubelet(matches=3)


def test_the_text_of_all_files_is_bounded(running: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_files, "TEXT_IN_ALL", 2000)
    for number in range(4):
        running.write(running.root / f"conf.d/{number}.conf", "x" * 900)
    files = kubelet()["files"]
    assert sum(len(entry["text"] or "") for entry in files.values()) <= 2000
    assert files[f"{running.root}/conf.d/3.conf"]["truncated"]


def test_a_version_that_is_none(node: FakeNode) -> None:
    node.program("kubelet", "echo Kubernetes banana")
    assert kubelet()["version"] is None
    node.program("kubelet", "exit 1")
    assert kubelet()["version"] is None


@pytest.fixture
def alarm() -> Iterator[None]:
    """The time limit, as run.run() sets it."""

    def stop(*_: object) -> None:
        raise TimeLimitError("stop")

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@as_root
def test_a_section_that_fails_takes_no_other_with_it(node: FakeNode) -> None:
    node.program("systemctl", "echo Failed to connect to bus: token=abc >&2; exit 1")
    sections = collector.main(REQUEST)["sections"]
    assert {name: section["status"] for name, section in sections.items()} == {
        "node": "ok",
        "files": "ok",
        "transactions": "ok",
        "kubelet": "error",
    }
    assert sections["kubelet"]["reason"] == (
        "CommandError: systemctl failed with 1: Failed to connect to bus: token=[redacted]"
    )
    assert sections["kubelet"]["data"] is None


@as_root
@pytest.mark.usefixtures("alarm")
def test_the_time_limit_keeps_what_was_collected(node: FakeNode) -> None:
    node.program("systemctl", "sleep 60")
    signal.alarm(1)
    sections = collector.main(REQUEST)["sections"]
    assert sections["node"]["status"] == "ok"
    assert sections["kubelet"]["reason"] == "the time limit of 30 s was reached"


@as_root
def test_a_control_plane_whose_manifests_lie_elsewhere_is_no_worker(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, kubeconfig = node.root / "manifests/kube-apiserver.yaml", node.root / "scheduler.conf"
    monkeypatch.setattr(collector, "_CONTROL_PLANE", (str(manifest), str(kubeconfig)))
    for path in (manifest, kubeconfig):
        assert collector.main(REQUEST)["sections"]["node"]["data"]["kind"] == "worker"
        node.write(path, "")
        assert collector.main(REQUEST)["sections"]["node"]["data"]["kind"] == "control_plane"
        path.unlink()


@as_root
def test_the_node_section() -> None:
    data = collector.main(REQUEST)["sections"]["node"]["data"]
    assert set(data) == {"hostname", "kind", "os", "kernel", "python", "boot_id", "time"}
    assert set(data["os"]) == {"id", "version_id", "pretty_name"}
    assert data["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_without_root_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    sections = collector.main(REQUEST)["sections"]
    assert {section["status"] for section in sections.values()} == {"error"}
    assert sections["kubelet"]["reason"] == "the collector ran as uid 1000, not as root: use become"
