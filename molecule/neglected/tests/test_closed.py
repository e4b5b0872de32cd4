# SPDX-License-Identifier: Apache-2.0
"""Everything is closed: strangers are refused, the port is gone, root alone reads the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.outside import ask, listens
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1", "w1")


def test_the_kubelet_refuses_who_shows_no_credentials(address: str, run_url: str) -> None:
    assert ask(f"https://{address}:10250/pods")[0] == 401
    assert ask(run_url, method="POST")[0] == 401


def test_the_kubelet_refuses_a_token_without_rights(address: str, run_url: str, token: str) -> None:
    assert ask(f"https://{address}:10250/pods", token)[0] == 403
    assert ask(run_url, token, method="POST")[0] == 403


def test_the_read_only_port_is_closed(address: str) -> None:
    assert not listens(address, 10255)


def test_root_alone_reads_the_secrets(secrets: list[str], is_readable: Callable[[str], bool]) -> None:
    assert [path for path in secrets if is_readable(path)] == []


def test_no_flag_that_opened_the_kubelet_is_left(host: Any) -> None:
    running = host.check_output("tr '\\0' '\\n' < /proc/$(pidof kubelet)/cmdline").splitlines()
    opened = ("--anonymous-auth", "--authorization-mode", "--read-only-port")
    assert [word for word in running if word.startswith(opened)] == []
