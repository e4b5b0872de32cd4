# SPDX-License-Identifier: Apache-2.0
"""Run commands of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

TAIL_LINES = 15


def run(
    argv: Sequence[str | Path],
    *,
    expect: frozenset[int] | None = frozenset({0}),
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command and return its decoded output.

    Args:
        expect: Exit codes that are an answer; None takes any.
        timeout: Seconds after which the command is killed.

    Raises:
        LabError: Another exit code, or out of time; with the end of what it printed.
    """
    words = [str(word) for word in argv]
    shown = " ".join(words[:8]) + (" …" if len(words) > 8 else "")
    try:
        done = subprocess.run(
            words, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True, cwd=cwd, env=env, timeout=timeout, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise LabError(f"{words[0]}: command not found") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no answer within {timeout:.0f} s: {shown}") from error
    out = done.stdout.decode(errors="replace")
    err = done.stderr.decode(errors="replace")
    if expect is not None and done.returncode not in expect:
        tail = "\n".join(f"    {line}" for line in (out + err).strip().splitlines()[-TAIL_LINES:])
        raise LabError(f"exit code {done.returncode}: {shown}\n{tail}")
    return subprocess.CompletedProcess(words, done.returncode, out, err)
