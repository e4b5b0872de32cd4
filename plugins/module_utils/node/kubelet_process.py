# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of the kubelet, and the program that it is."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from .command import PATH, CommandError, ask
from .text import plain

Data = dict[str, Any]

_UNIT = "kubelet.service"
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "MainPID",
    "NRestarts",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
)
_SAYS = 65536
"""Bytes that a command may say."""


def read_unit(seconds: float) -> Data:
    """Return how systemd sees the kubelet's unit. Raises CommandError where it can't be asked."""
    said = ask(["systemctl", "show", _UNIT, "--property=" + ",".join(_PROPERTIES)], seconds, _SAYS)
    values = dict.fromkeys(_PROPERTIES, "")
    for line in plain(said).splitlines():
        name, _equals, value = line.partition("=")
        values[name] = value
    return {
        "load_state": values["LoadState"],
        "active_state": values["ActiveState"],
        "main_pid": int(values["MainPID"] or 0),
        "n_restarts": int(values["NRestarts"] or 0),
        "fragment_path": values["FragmentPath"] or None,
        "drop_in_paths": values["DropInPaths"].split(),
        "need_daemon_reload": values["NeedDaemonReload"] == "yes",
    }


def find_binary() -> str | None:
    """Return the path of an installed kubelet, where there is one."""
    return shutil.which("kubelet", path=PATH)


def binary_of(process: Data | None) -> str | None:
    """Return the file that the process runs, else the installed one."""
    if process is not None:
        running = plain(os.readlink(b"/proc/%d/exe" % process["pid"]))
        if not running.endswith(" (deleted)"):
            return running
    return find_binary()


def ask_version(binary: str | None, seconds: float) -> str | None:
    """Return the version that the binary says it is, "v1.37.2"; None where it does not say."""
    if binary is None:
        return None
    try:
        said = plain(ask([binary, "--version"], seconds, _SAYS))
    except CommandError:
        return None
    match = re.search(r"^Kubernetes (v\d+\.\d+\.\d+\S*)$", said, re.MULTILINE)
    return match[1] if match else None
