# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a static pod's containers, as the kubelet keeps them: one file for each start.

NAMESPACE_POD_UID/CONTAINER/N.log, each line `time stream P|F text` (the format of the CRI).
"""

from __future__ import annotations

import glob
import os
import re
from datetime import datetime

from .redact import redact
from .text import one_line

PODS = "/var/log/pods"
_TAIL = 128 * 1024
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) (?:stdout|stderr) [PF] (.*)")
# From the line that a component ends with to any that sounds like trouble; the last that is found is told.
_ERRORS = (
    re.compile(r'^[EF]\d{4} .*"command failed"'),
    re.compile(r'"level":"(?:fatal|panic)"'),
    re.compile(r"^(?:Error: |flag provided but not defined|panic: |fatal error: |F\d{4} )"),
    re.compile(r'^E\d{4} |"level":"error"'),
    re.compile(r"\berror\b|\bfailed\b", re.IGNORECASE),
)


def files(component: str, root: str = PODS) -> list[str]:
    """Return the logs of a component's containers on this node, the one written last at the end."""
    found = glob.glob(f"{glob.escape(root)}/kube-system_{component}-*/{component}/*.log")
    return sorted(found, key=_written)


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:  # the kubelet keeps few of them
        return 0.0


def error_line(component: str, since: float, root: str = PODS, about: str = "") -> str | None:
    """Return the line since a time of day that best tells why a component failed, secrets removed.

    about: only lines with this text count.
    """
    lines = [
        text
        for path in files(component, root)
        for time, text in _read(path)
        if time >= since and about in text
    ]
    for pattern in _ERRORS:
        found = [line for line in lines if pattern.search(line)]
        if found:
            return one_line(redact(found[-1])[0], 500)
    return None


def _read(path: str) -> list[tuple[float, str]]:
    """Return the time and the text of the last lines of a log."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            text = stream.read(_TAIL).decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return []
    found = []
    for match in filter(None, map(_LINE.fullmatch, text.split("\n"))):
        zone = "+00:00" if match.group(3) == "Z" else match.group(3)
        begun = datetime.fromisoformat(match.group(1) + zone).timestamp()
        found.append((begun + float(match.group(2) or 0), match.group(4)))
    return found
