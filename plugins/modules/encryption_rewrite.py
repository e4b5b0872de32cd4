#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_rewrite
short_description: Have Kubernetes write its secrets anew, and prove how etcd holds them
version_added: 0.1.0
description:
  - Has the API server of a control plane write what another provider or key than its first one wrote.
  - Then each raw value in etcd is looked at, and it fails where one does not begin as that first one writes.
  - No value leaves the node.
  - Run it once, when all control planes have finished a round of M(cksharden.node.encryption_round).
options:
  resource:
    description: What is written anew, as a resource of the core group.
    type: str
    default: secrets
    choices: [secrets, configmaps]
attributes:
  check_mode:
    description: It is skipped in check mode.
    support: none
  diff_mode:
    description: No value is shown.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Encrypt what was stored before
  cksharden.node.encryption_rewrite:
  run_once: true
  become: true
"""

RETURN = r"""
cksharden:
  description: What was found, as a reason in words.
  returned: always
  type: dict
  contains:
    reason:
      description: How many there are, how they are stored, and how many were written anew.
      type: str
"""
