# SPDX-License-Identifier: Apache-2.0
"""How Ansible is to connect."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Connection:
    """How Ansible is to connect; what is None is Ansible's own affair (ssh_config, inventory).

    A password is in memory here; a file of the user's is only named.
    """

    user: str | None = None
    private_key: str | None = None
    become_password_file: str | None = None
    vault_password_file: str | None = None
    become_password: str | None = field(default=None, repr=False)
    vault_password: str | None = field(default=None, repr=False)
    forks: int = 25
