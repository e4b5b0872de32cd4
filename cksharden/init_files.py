# SPDX-License-Identifier: Apache-2.0
"""The files of a new inventory, with the comments that their owner needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cksharden.errors import UsageError
from cksharden.runner import Connection

CONNECTING = (
    *("ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_python_interpreter"),
    *("ansible_ssh_private_key_file", "ansible_ssh_common_args", "ansible_ssh_extra_args"),
    *("ansible_become_method", "ansible_become_user"),
)
"""Variables that say how a host is reached and that are no secrets."""

_OF_ONE_HOST = {"ansible_host", "ansible_connection", "ansible_python_interpreter"}

_BARE = re.compile(r"[A-Za-z_/~.][\w./~-]*", re.ASCII)
# What YAML 1.1 takes for something else than text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"}

_HOSTS = """\
# The nodes of the cluster, in the groups that Kubespray uses. Written by `cksharden init`; it is yours now.
all:
  children:
    kube_control_plane:
      hosts:
{control_planes}
    etcd:
      children:
        kube_control_plane:
    kube_node:
      hosts:
{workers}
"""
_GROUP_VARS = """\
# How to connect: variables of Ansible. What is not said here is up to your ssh_config.
{variables}
# Whoever is not root needs sudo, by default without a password. With one: give -K, or put
# `ansible_become_password: …` into a file beside this one and encrypt that with ansible-vault.
"""
_PROFILE = """\
# Which controls are asked: `cksharden controls` lists them, `cksharden explain CONTROL` explains one.
id: {id}
title: What we have agreed on
extends: cks   # with `nodes` no static pod of a control plane is restarted

# Controls that `cks` does not have, and controls that do not fit here:
# include: [etcd_data_directory_owner]
# exclude: [kubelet_pod_pids_limit]

# Another value than a control's own:
# parameters:
#   kubelet_pod_pids_limit: {{at_most: 8192}}

# What is different for a group of hosts.yml:
# groups:
#   kube_node:
#     exclude: [kubelet_event_qps]
"""
_WAIVERS = """\
# What does not hold, who answers for it, and until when. It is neither changed nor failed until that day.
waivers: []
# - control: kubelet_protect_kernel_defaults
#   hosts: "w*"                # a host, a pattern, or a group of hosts.yml
#   owner: you@example.org
#   reason: the kernel role comes with the next maintenance window
#   expires: 2027-01-31
"""


@dataclass(frozen=True)
class Member:
    """A host of the new inventory."""

    name: str
    """Its name there."""
    address: str | None = None
    """Where it is; None where its name says that."""
    control_plane: bool = False
    node: str = ""
    """The name of its Node in the cluster."""
    user: str | None = None
    port: int | None = None
    reached: bool = False
    more: Mapping[str, str | int] = field(default_factory=dict)
    """Other variables of CONNECTING."""

    def neighbour(self, node: str, address: str | None) -> Member:
        """Return a node of the same cluster that nobody named: it is reached as this host is."""
        more = {key: value for key, value in self.more.items() if key not in _OF_ONE_HOST}
        return Member(node, address, user=self.user, port=self.port, more=more)

    def variables(self) -> dict[str, str | int]:
        """Return its variables for Ansible."""
        all_of_them = {"ansible_host": self.address, "ansible_user": self.user, "ansible_port": self.port}
        return {**self.more, **{key: value for key, value in all_of_them.items() if value is not None}}


def write(directory: Path, members: Sequence[Member], connection: Connection) -> tuple[Path, ...]:
    """Write the inventory and return its files. Raises UsageError where that can't be done."""
    texts = {
        "hosts.yml": _hosts(members),
        "group_vars/all.yml": _group_vars(connection),
        "profile.yml": _PROFILE.format(id=_id(directory)),
        "waivers.yml": _WAIVERS,
    }
    try:
        for name, text in texts.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            with (directory / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(
            f"can't be written: {error.strerror}", file=error.filename, mend="name another directory"
        ) from error
    return tuple(directory / name for name in texts)


def _hosts(members: Sequence[Member]) -> str:
    control_planes = [_host(one) for one in members if one.control_plane]
    workers = [_host(one) for one in members if not one.control_plane]
    return _HOSTS.format(
        control_planes="\n".join(control_planes) or "        {}", workers="\n".join(workers) or "        {}"
    )


def _host(member: Member) -> str:
    variables = ", ".join(f"{key}: {_scalar(value)}" for key, value in member.variables().items())
    told = "" if member.reached else "  # named by the cluster, not asked yet"
    return f"        {_scalar(member.name)}: {{{variables}}}{told}"


def _group_vars(connection: Connection) -> str:
    said = {"ansible_user": connection.user, "ansible_ssh_private_key_file": connection.private_key}
    usual = {"ansible_user": "admin", "ansible_ssh_private_key_file": "~/.ssh/cluster"}
    lines = [f"{key}: {_scalar(value)}" if value else f"# {key}: {usual[key]}" for key, value in said.items()]
    return _GROUP_VARS.format(variables="\n".join(lines))


def _id(directory: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "_", directory.absolute().name.lower()).strip("_") or "own"


def _scalar(value: str | int) -> str:
    """Return a value as YAML has it, in quotes where it could be something else than text."""
    if isinstance(value, int) or (_BARE.fullmatch(value) and value.lower() not in _WORDS):
        return str(value)
    return json.dumps(value)
