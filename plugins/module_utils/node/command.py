# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a program of the node, with a limit of its time and of what it may say."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


class CommandError(Exception):
    """A program is not there, failed, took too long or said too much; the text says which."""


def ask(
    words: list[str],
    seconds: float,
    limit: int,
    given: bytes = b"",
    environment: dict[str, str] | None = None,
) -> bytes:
    """Return the standard output of a program that ends well.

    It has seconds to end and limit bytes to say. Whatever it started is killed with it.
    given: its standard input. environment: what it gets besides PATH and a plain locale, and nothing
    else does it get: proxies and the like of the caller are none of its business.

    Raises CommandError.
    """
    name = os.path.basename(words[0])
    with _in_memory(given) as source:
        try:
            child = subprocess.Popen(
                words,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**_ENVIRONMENT, **(environment or {})},
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
        raise CommandError(f"{name} failed with {child.returncode}: {_error_line(errors)}")
    return output


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """Yield a descriptor of a file that is nowhere and holds content, at its beginning."""
    descriptor = os.memfd_create("cksharden", os.MFD_CLOEXEC)
    try:
        os.pwrite(descriptor, content, 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _error_line(errors: bytes) -> str:
    """Return the line in which a program says what was wrong: the one that calls itself so, else the last."""
    said = errors.decode("utf-8", "backslashreplace").strip().splitlines()
    named = [line for line in said if line.startswith("error:")]
    return (named or said or ["no message"])[-1].removeprefix("error: ")


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
