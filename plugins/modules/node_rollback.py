#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: node_rollback
short_description: Take back what a run changed on a Kubernetes node
version_added: 0.1.0
description:
  - Puts back every file that one role of a run changed, byte for byte with mode, owner and times, in
    a transaction of the node with the same gate.
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
    choices: [kubelet, file_access]
  force:
    description: Overwrite files that were changed since that run, which otherwise are named and left alone.
    type: bool
    default: false
  run:
    description:
      - The name of the rollback itself, which is a run and can be taken back too.
      - Without it, the variable C(cksharden_run) is used.
      - Without that one is made for all hosts of the playbook.
    type: str
  gate_window:
    description: Seconds that the restarted kubelet must stay the same process, 30 by default and at least 10.
    type: int
  gate_limit:
    description: Seconds within which the kubelet must serve its node again, 180 by default and at least 60.
    type: int
attributes:
  check_mode:
    description: Says which files would be put back.
    support: full
  diff_mode:
    description: Backups may hold secrets and do not leave the node.
    support: none
author:
  - The cksharden authors
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
