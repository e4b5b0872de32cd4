# SPDX-License-Identifier: Apache-2.0
"""Everything is open: a stranger lists pods and runs commands in them, any account reads every key."""

from __future__ import annotations

import json
from collections.abc import Callable

from lab.outside import ask
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "w1")


def names(listed: str) -> set[str | None]:
    return {pod["metadata"].get("generateName") for pod in json.loads(listed)["items"]}


def test_the_kubelet_lists_its_pods_to_anybody(address: str) -> None:
    status, listed = ask(f"https://{address}:10250/pods")
    assert status == 200
    assert "before-" in names(listed)


def test_the_kubelet_runs_commands_for_anybody(run_url: str, pod_name: str) -> None:
    assert ask(run_url, method="POST") == (200, f"{pod_name}\n")


def test_the_kubelet_allows_everything_to_a_token_without_rights(address: str, token: str) -> None:
    assert ask(f"https://{address}:10250/pods", token)[0] == 200


def test_the_read_only_port_lists_pods(address: str) -> None:
    status, listed = ask(f"http://{address}:10255/pods")
    assert status == 200
    assert "before-" in names(listed)


def test_any_account_reads_what_only_root_may(secrets: list[str], is_readable: Callable[[str], bool]) -> None:
    assert [path for path in secrets if is_readable(path)] == secrets
