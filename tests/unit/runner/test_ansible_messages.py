# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from cksharden.ansible_messages import error_text, failure_reason, unreachable_reason


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"msg": "Task failed: Action failed: It broke\nat line 2"}, "It broke at line 2"),
        (
            {"msg": "Task failed: Missing sudo password"},
            "sudo asks for a password, and none was given (-K or --become-password-file)",
        ),
        ({"msg": "Incorrect sudo password"}, "sudo refuses the password (-K or --become-password-file)"),
        (
            {"msg": "x", "cksharden": {"error": "no_python", "message": "there is no python3"}},
            "there is no python3",
        ),
        ({"msg": "\x1b[2Jgone"}, "\\x1b[2Jgone"),
        ({"msg": ""}, "the task failed without a message"),
        ({}, "the task failed without a message"),
    ],
)
def test_failures(result: dict[str, Any], reason: str) -> None:
    assert failure_reason(result) == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            (
                'Task failed: Data could not be sent to remote host "10.0.0.1". Make sure this host can be reached over ssh: '
                "ssh: connect to host 10.0.0.1 port 22: No route to host\r\n"
            ),
            "ssh: connect to host 10.0.0.1 port 22: No route to host",
        ),
        (
            "Failed to connect to the host via ssh: u@h: Permission denied (publickey).",
            "u@h: Permission denied (publickey).",
        ),
        ("Make sure this host can be reached over ssh: ", "ssh ended without a message"),
        (
            "Timeout (12s) waiting for privilege escalation prompt: ",
            "Timeout (12s) waiting for privilege escalation prompt:",
        ),
    ],
)
def test_unreachable(message: str, reason: str) -> None:
    assert unreachable_reason({"msg": message}) == reason


def test_a_traceback_is_not_for_users() -> None:
    lines = ["[ERROR]: It broke: reason\r", "", "\nTraceback (most recent call last):\r\n  File x"]
    assert error_text(lines) == "[ERROR]: It broke: reason"
