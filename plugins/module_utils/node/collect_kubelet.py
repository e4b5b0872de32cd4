# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubelet is told (unit, environment files, configuration) and what its process was started with."""

from __future__ import annotations

import os
import re
from typing import Any

from .kubelet_process import ask_version, binary_of, read_unit
from .node_name import node_name
from .processes import look_at
from .read_files import Files
from .redact import redact_arguments
from .text import plain

Data = dict[str, Any]

CONFIG = "/var/lib/kubelet/config.yaml"
OUR_CONFIG_DIR = "/etc/kubernetes/kubelet.conf.d"
PATCHES_DIR = "/etc/kubernetes/patches"
"""Where patches lie that nobody may have told us about."""
# Read whether a unit names them or not: kubeadm's own, and the two where packages let an admin add flags.
_ALWAYS = (
    CONFIG,
    "/var/lib/kubelet/instance-config.yaml",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
    "/var/lib/kubelet/kubeadm-flags.env",
)
# A unit may be a link from one of systemd's directories to another (systemctl link, alias).
_UNIT_DIRECTORIES = (
    b"/etc/systemd/system",
    b"/run/systemd/system",
    b"/usr/lib/systemd/system",
    b"/lib/systemd/system",
)

_ENVIRONMENT_FILE = re.compile(r"^\s*EnvironmentFile\s*=\s*-?\s*(\S.*?)\s*$", re.MULTILINE)
# In whatever style of YAML the configuration is written: what is named falsely is described for nothing.
_CLIENT_CA = re.compile(r"""\bclientCAFile["']?[ \t]*:[ \t]*["']?(/[^\s"',}\0]+)""")
_DROP_IN = re.compile(rb".*\.conf", re.DOTALL)
_PATCH = re.compile(rb"kubeletconfiguration.*\.(json|yaml)", re.DOTALL)
"""As kubeadm knows its patches (kubernetes, cmd/kubeadm/app/util/patches/patches.go, parseFilename)."""
_DEEPEST = 10
"""Levels of directories below --config-dir."""


def collect(request: Data) -> Data:
    """Return the kubelet section. Raises CommandError where systemd can't be asked."""
    limits = request["limits"]
    seconds = float(limits["command_seconds"])
    unit = read_unit(seconds)
    process = look_at(unit["main_pid"])
    files = Files(int(limits["file_bytes"]))
    fragment = unit["fragment_path"]
    texts = [
        files.add(path, _UNIT_DIRECTORIES)
        for path in [*([fragment] if fragment else []), *unit["drop_in_paths"]]
    ]
    environment = [path for text in texts for path in _ENVIRONMENT_FILE.findall(text)]
    texts += [files.add(path) for path in [*environment, *_ALWAYS] if path.startswith("/")]
    argv = process["argv"] if process else []
    configurations = [files.add(path) for path in _paths("config", argv, texts)]
    directories = _paths("config-dir", argv, texts)
    most = int(limits["matches"])
    drop_ins = walk(directories[0], _DROP_IN, most) if directories else []
    # Ours may be there without being in use: what would be merged is then known before it is.
    unused = [] if OUR_CONFIG_DIR in directories else walk(OUR_CONFIG_DIR, _DROP_IN, most)
    named = request["patches_dir"]
    patches_dir = PATCHES_DIR if named is None else named
    patches = walk(patches_dir, _PATCH, most) if patches_dir else []
    configurations += [
        files.add(found, (os.fsencode(directories[0]),) if found in drop_ins else ())
        for found in [*drop_ins, *unused, *patches]
    ]
    authorities = [path for text in configurations for path in _CLIENT_CA.findall(text)]
    for path in [*_paths("client-ca-file", argv, texts), *authorities][:most]:
        files.look_at(path)
    binary = binary_of(process)
    return {
        "node_name": node_name(argv or _override(texts), plain(os.uname().nodename)),
        "version": ask_version(binary, seconds),
        "binary": binary,
        "unit": unit,
        "process": process and {**process, "argv": redact_arguments(argv)},
        "config_dir_files": [plain(path) for path in drop_ins],
        "patches": {
            "directory": patches_dir,
            "named": named is not None,
            "files": [plain(path) for path in patches],
        },
        "files": files.entries,
    }


def _paths(flag: str, argv: list[str], texts: list[str]) -> list[str]:
    """Return the values of a path flag: that of the live process first, then what the files say."""
    live = _values(flag, "\0".join(argv).replace("\0--", "\n--"))
    written = [value for text in texts for value in _values(flag, text)]
    ordered = [*reversed(live), *reversed(written)]
    return [os.path.join("/", value) for value in dict.fromkeys(ordered)]


def _override(texts: list[str]) -> list[str]:
    """Return the --hostname-override of the files, for a kubelet that does not run; as a command line."""
    uncommented = [re.sub(r"^\s*[#;].*", "", text, flags=re.MULTILINE) for text in texts]
    names = [name for text in uncommented for name in _values("hostname-override", text)]
    return [f"--hostname-override={names[-1]}"] if names else []


def _values(flag: str, text: str) -> list[str]:
    spelt = flag.replace("-", "[-_]")
    return re.findall(rf"""(?:^|[\s"'=])--?{spelt}(?:=|[ \t]+|\0)["']?([^\s"'\0]+)""", text)


def walk(directory: str, wanted: re.Pattern[bytes], most: int) -> list[bytes]:
    """Return the files with a wanted name below a directory, in the order of filepath.WalkDir of Go.

    The kubelet merges drop-ins so (kubernetes, cmd/kubelet/app/server.go, mergeKubeletConfigurations),
    and kubeadm patches: by name within each directory, no link to one followed, the root included.
    """
    root = os.fsencode(directory)
    if os.path.islink(root):
        return []
    found: list[bytes] = []
    _walk_into(root, wanted, most, 0, found)
    return found


def _walk_into(
    directory: bytes, wanted: re.Pattern[bytes], most: int, depth: int, found: list[bytes]
) -> None:
    try:
        with os.scandir(directory) as entries:
            listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, is_directory in listed:
        path = os.path.join(directory, name)
        if is_directory and depth < _DEEPEST:
            _walk_into(path, wanted, most, depth + 1, found)
        elif not is_directory and wanted.fullmatch(name):
            found.append(path)
        if (is_directory and depth == _DEEPEST) or len(found) > most:
            raise ValueError(f"{plain(directory)} holds more than {most} files or {_DEEPEST} levels")
