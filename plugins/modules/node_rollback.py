#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: node_rollback
short_description: Take back what a run changed on a Kubernetes node
version_added: 0.1.0
description:
  - Puts back every file that one role of a run changed, byte for byte with mode, owner and times, in
    a transaction of the node with the same gate. It is a run too, and can be taken back itself.
  - It needs the node's own journal and backup, and neither the controller of the run nor the API server.
options:
  of:
    description: The run to take back.
    type: str
    required: true
  role:
    description: The role whose changes are taken back.
    type: str
    required: true
    choices: [kubelet, file_access, static_pods, encryption_1, encryption_2, encryption_3]
  force:
    description: Overwrite files that were changed since that run, which otherwise are named and left alone.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says which files would be put back.
    support: full
  diff_mode:
    description: Backups may hold secrets and do not leave the node.
    support: none
extends_documentation_fragment:
  - cksharden.node.transaction
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Take back the kubelet's changes of a run
  cksharden.node.node_rollback:
    of: 20261123T132000Z-1a2b3c
    role: kubelet
  become: true
"""

RETURN = r"""
cksharden:
  description: How the rollback ended; see M(cksharden.node.node_transaction).
  returned: always
  type: dict
  contains:
    outcome:
      description: As of M(cksharden.node.node_transaction).
      type: str
    known:
      description: Whether the node keeps something of that run.
      returned: when nothing was begun
      type: bool
    files:
      description: For each file its path and whether it is C(as_before), C(restore) or C(moved).
      type: list
      elements: dict
"""
