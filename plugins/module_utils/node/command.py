# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a program of the node, with a limit of its time and of what it may say."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


class CommandError(Exception):
    """A program is not there, failed, took too long or said too much; the text says which."""


def ask(words: list[str], seconds: float, limit: int) -> bytes:
    """Return the standard output of a program that ends well.

    It has seconds to end and limit bytes to say. Whatever it started is killed with it.

    Raises CommandError.
    """
    name = os.path.basename(words[0])
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as reason:
        raise CommandError(f"{name}: {reason.strerror}") from reason
    with child:
        try:
            output, errors = _listen(child, time.monotonic() + seconds, limit)
        except CommandError as reason:
            raise CommandError(f"{name}: {reason}") from reason
        finally:
            _kill_group(child.pid)
    if child.returncode != 0:
        said = errors.decode("utf-8", "backslashreplace").strip().splitlines()
        raise CommandError(f"{name} failed with {child.returncode}: {said[-1] if said else 'no message'}")
    return output


def _listen(child: subprocess.Popen[bytes], deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Return all of both outputs, and wait for the end of the child."""
    said: dict[int, bytearray] = {}
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ)
                said[pipe.fileno()] = bytearray()
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise CommandError("it did not end in time")
            for key, _events in ready:
                chunk = os.read(key.fd, 65536)
                said[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(said[key.fd]) > limit:
                    raise CommandError(f"it said more than {limit} bytes")
    try:
        child.wait(max(0.01, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as reason:
        raise CommandError("it did not end in time") from reason
    output, errors = (bytes(each) for each in said.values())
    return output, errors


def _kill_group(leader: int) -> None:
    """Kill the session that ask() began; its leader may have ended, what it left behind has not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
