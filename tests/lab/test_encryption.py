# SPDX-License-Identifier: Apache-2.0
"""Secrets are encrypted in etcd on a real cluster, by one key and then by another, and are plain again at the end.

The tests are one story in the order of this file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab import testing

from ansible_collections.cksharden.node.plugins.plugin_utils import in_memory
from tests.lab.command import Ended, cksharden, snapshot
from tests.lab.hardened import ENCRYPTION, is_for_root_alone, planes, stored
from tests.lab.secrecy import Processes, forms, in_files, on_node, watched

pytestmark = [pytest.mark.lab, pytest.mark.control_plane]

LAB = "inventories/lab"
AT_REST, PROVIDER = "apiserver_encryption_at_rest", "apiserver_encryption_provider"
CONTROLS = ("--control", AT_REST, "--control", PROVIDER)
VALUE = "a value that nobody guesses"
SECRETS = "/registry/secrets/default"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
# What is on a node for good holds keys on purpose: the file, and the transactions that changed it.
PLACES = ("/var/log", "/tmp", "/run/cksharden", "/etc/systemd", "/root")


NAMES = ("before", "after", "later")


@dataclass
class Story:
    """What one chapter leaves for the next."""

    runs: Path
    before: dict[str, str]
    applied: list[str] = field(default_factory=list)
    keys: set[bytes] = field(default_factory=set)
    processes: Processes = field(default_factory=Processes)

    def apply(self, *words: str) -> Ended:
        """Apply the two controls, and watch every process meanwhile."""
        with watched() as processes:
            done = cksharden("apply", LAB, *CONTROLS, "--yes", "--quiet", *words, runs=self.runs)
        self.processes.seen |= processes.seen
        return done


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A control plane that stores what it is given as it is."""
    testing.wait_ready()
    create("before")
    assert b"nobody guesses" in stored(f"{SECRETS}/before")
    yield Story(tmp_path_factory.mktemp("runs"), snapshot(planes()[0], times=False))
    for name in NAMES:
        testing.kubectl("delete", "secret", name, "--ignore-not-found")


def create(name: str) -> None:
    testing.kubectl("create", "secret", "generic", name, f"--from-literal=value={VALUE}")


def value_of(name: str) -> str:
    words = ("get", "secret", name, "--output", "jsonpath={.data.value}")
    return base64.b64decode(testing.kubectl(*words).stdout).decode()


def the_keys() -> list[dict[str, str]]:
    """Return the keys of the provider that writes, in their order."""
    document = json.loads(testing.run(planes()[0], ["cat", ENCRYPTION]).stdout)
    (entry,) = document["resources"]
    keys: list[dict[str, str]] = entry["providers"][0]["secretbox"]["keys"]
    assert entry["providers"][1:] == [{"identity": {}}]
    return keys


def remember(story: Story) -> str:
    """Note every form of the one key that there is; return its name."""
    (key,) = the_keys()
    story.keys |= forms(base64.b64decode(key["secret"])) | forms(key["secret"].encode())
    return key["name"]


def beginning(key: str) -> bytes:
    return f"k8s:enc:secretbox:v1:{key}:".encode()


def starts() -> str:
    """Return the process of the API server, which a restart would change."""
    return testing.run(planes()[0], ["pgrep", "--exact", "kube-apiserver"]).stdout


def test_what_was_there_and_what_comes_is_encrypted(story: Story) -> None:
    done = story.apply()
    assert done.code == 0, done.out + done.err
    story.applied.append(done.run)
    create("after")
    key = remember(story)
    for name in ("before", "after"):
        assert stored(f"{SECRETS}/{name}").startswith(beginning(key))
        assert value_of(name) == VALUE
    assert is_for_root_alone(planes()[0], ENCRYPTION)
    assert f"all stored as k8s:enc:secretbox:v1:{key}" in done.out


def test_a_second_apply_changes_nothing(story: Story) -> None:
    pid = starts()
    done = story.apply()
    assert (done.code, "nothing to change" in done.err) == (0, True), done.out + done.err
    assert starts() == pid


@pytest.mark.faults  # as long as all the others: each of its rounds there and back waits for a minute's poll
def test_another_key_follows_without_a_restart_and_the_old_one_goes(story: Story) -> None:
    pid, (old,) = starts(), the_keys()
    done = story.apply("--new-encryption-key")
    assert done.code == 0, done.out + done.err
    story.applied.append(done.run)
    create("later")
    key = remember(story)
    assert key != old["name"]
    for name in NAMES:
        assert stored(f"{SECRETS}/{name}").startswith(beginning(key))
        assert value_of(name) == VALUE
    assert starts() == pid


def test_no_form_of_a_key_is_anywhere_but_in_its_place(story: Story) -> None:
    assert story.keys
    shared = [path for path in (in_memory.place(), Path("/tmp")) if path]
    left = [path for place in shared for path in place.glob("cksharden*")]
    assert in_files(story.keys, [story.runs, *left]) == []
    assert not any(needle in line for line in story.processes.seen for needle in story.keys)
    for name in ("cp1", "w1"):
        assert on_node(name, story.keys, PLACES) == []
    kept = on_node(planes()[0], story.keys, ["/etc/kubernetes", "/var/lib/cksharden"])
    assert ENCRYPTION in kept
    assert all(path.startswith(("/etc/kubernetes/cksharden/", "/var/lib/cksharden/")) for path in kept)


def test_rollback_of_each_run_leaves_everything_readable_and_the_node_as_it_was(story: Story) -> None:
    there = testing.kubectl("get", "secrets", "--output", "jsonpath={.items[*].metadata.name}").stdout.split()
    assert {"before", "after"} <= set(there) <= set(NAMES)
    while story.applied:
        back = cksharden("rollback", LAB, "--yes", "--quiet", "--run", story.applied.pop(), runs=story.runs)
        assert back.code == 0, back.out + back.err
        assert [value_of(name) for name in there] == [VALUE] * len(there)
    for name in there:
        assert b"nobody guesses" in stored(f"{SECRETS}/{name}")
    assert snapshot(planes()[0], times=False) == story.before
