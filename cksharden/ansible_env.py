# SPDX-License-Identifier: Apache-2.0
"""The environment that our playbooks run in: the user's, but for what would change what we read."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import cksharden

# The user's own of these would change what we read from Ansible, or how long it takes. Those without
# ANSIBLE_ in their name are read by ansible-runner's callback, which fails over a batch system's JOB_ID.
_DROPPED = (
    "AD_HOC_COMMAND_ID",
    "ANSIBLE_CALLBACK_PLUGINS",
    "ANSIBLE_CHECK_MODE_MARKERS",
    "ANSIBLE_DEBUG",
    "ANSIBLE_DISPLAY_TRACEBACK",
    "ANSIBLE_FORCE_COLOR",
    "ANSIBLE_STDOUT_CALLBACK",
    "ANSIBLE_VERBOSITY",
    "JOB_ID",
    "MAX_EVENT_RES",
    "ORIGINAL_STDOUT_CALLBACK",
    "PROJECT_UPDATE_ID",
)
_SETTINGS = {
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    "ANSIBLE_GATHERING": "explicit",
    "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    "ANSIBLE_LOCALHOST_WARNING": "False",
    "ANSIBLE_NOCOLOR": "True",
    "ANSIBLE_NOCOWS": "True",
    "ANSIBLE_NO_LOG": "False",  # it would hide the answers of nodes, which have no secrets, from us too
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_RUN_TAGS": "all",
    "ANSIBLE_SKIP_TAGS": "",
    "ANSIBLE_STRATEGY": "linear",
}
# Ansible's own default, and that a connection which no longer answers is given up after a minute.
_SSH_ARGUMENTS = (
    "-C -o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
)
_LONGEST_CONTROL_DIRECTORY = 108 - len("/0123456789.0123456789abcdef\0")
_COLLECTIONS = ("~/.ansible/collections", "/usr/share/ansible/collections")


def environment(outer: Mapping[str, str], private: Path) -> dict[str, str]:
    """Return the environment of ansible-playbook.

    outer is the environment of this process, private a directory that ends with the run. Source of
    the rule: docs/adr/0005-ansible-gets-the-environment-of-the-user.md.
    """
    inner = {name: value for name, value in outer.items() if name not in _DROPPED}
    config = _configuration(outer)
    inner |= _SETTINGS
    # ansible-playbook of this very Python environment, whatever else is installed.
    inner["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), outer.get("PATH", os.defpath)])
    inner["ANSIBLE_LOCAL_TEMP"] = str(private / "tmp")
    inner["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join(
        [str(collection_root()), *_users_collections(outer, config)]
    )
    if "ANSIBLE_SSH_ARGS" not in inner and not config.has_option("ssh_connection", "ssh_args"):
        inner["ANSIBLE_SSH_ARGS"] = _SSH_ARGUMENTS
    if not config.has_option("ssh_connection", "control_path_dir"):
        _shorten_control_path(inner, private)
    return inner


def _shorten_control_path(inner: dict[str, str], private: Path) -> None:
    """Keep ssh's shared connections out of a home directory whose path is too long for a socket (unix(7)).

    They stay where Ansible keeps them otherwise, so that the next command finds them; 60 s after its
    last use each ends by itself.
    """
    home = Path(inner.get("ANSIBLE_HOME", Path(inner.get("HOME", "~")).expanduser() / ".ansible"))
    if len(os.fsencode(home / "cp")) > _LONGEST_CONTROL_DIRECTORY:
        inner.setdefault("ANSIBLE_SSH_CONTROL_PATH_DIR", str(private / "cp"))


def collection_root() -> Path:
    """Return the directory that holds ansible_collections/cksharden/node, in a checkout as in a wheel."""
    return Path(cksharden.__file__).resolve().parent.parent


def _users_collections(outer: Mapping[str, str], config: configparser.RawConfigParser) -> list[str]:
    """Return the user's collection paths, which ours go before: plugins of the inventory may be there."""
    if "ANSIBLE_COLLECTIONS_PATH" in outer:
        return [outer["ANSIBLE_COLLECTIONS_PATH"]]
    configured = config.get("defaults", "collections_path", fallback="")
    paths = configured.split(os.pathsep) if configured else list(_COLLECTIONS)
    base = Path(config.get("DEFAULT", "cksharden_base", fallback="."))
    return [str(base / Path(path).expanduser()) for path in paths]


def _configuration(outer: Mapping[str, str]) -> configparser.RawConfigParser:
    """Return the ansible.cfg that Ansible will use, empty where there is none or it can't be read.

    The order is Ansible's: ANSIBLE_CONFIG, the working directory, the home directory, /etc.
    """
    named = outer.get("ANSIBLE_CONFIG")
    places = [Path(named).expanduser()] if named else []
    places += [Path("ansible.cfg"), Path("~/.ansible.cfg").expanduser(), Path("/etc/ansible/ansible.cfg")]
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",), strict=False)
    for place in places:
        path = place / "ansible.cfg" if place.is_dir() else place
        if not path.is_file():
            continue
        try:
            parser.read_string(path.read_text("utf-8", "replace"))
        except (OSError, configparser.Error):
            return configparser.RawConfigParser()
        parser.set("DEFAULT", "cksharden_base", str(path.absolute().parent))
        break
    return parser
