#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_files
short_description: Place the files that kubeadm-config names on a machine that joins as a control plane
version_added: 0.1.0
description:
  - C(kubeadm join --control-plane) writes manifests from the ConfigMap C(kubeadm-config). What their options
    name below C(/etc/kubernetes), and kubeadm does not make itself, has to be there before, or the component
    does not start. This module brings it from a control plane whose API server answers.
  - Files that such a file names in its turn are placed too, each with owner, group and mode.
  - Contents may be keys. They pass from task to task in memory (XDG_RUNTIME_DIR or /dev/shm of the
    controller), reach the machine on standard input, and are in no result.
  - The machine places them in a transaction of its own, which restarts nothing.
  - On a machine that is a control plane already, what is absent is placed, and no other content overwritten.
options:
  state:
    description:
      - V(read) brings the files into memory, through the control plane that it runs on or is delegated to.
      - V(present) places them.
      - V(forgotten) removes them from memory.
    type: str
    required: true
    choices: [read, present, forgotten]
  run:
    description:
      - The name of this run.
      - Without it, the variable C(cksharden_run) is used.
      - Without that one is made for all hosts of the playbook.
    type: str
attributes:
  check_mode:
    description: Says what would be placed.
    support: full
  diff_mode:
    description: The files may hold secrets.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
# The playbook cksharden.node.prepare does this for the hosts of its --limit.
- name: Prepare a machine to join
  hosts: cp3
  become: true
  tasks:
    - name: Bring the files from a control plane
      cksharden.node.kubeadm_files:
        state: read
      delegate_to: cp1
    - name: Place them
      cksharden.node.kubeadm_files:
        state: present
    - name: Forget them
      cksharden.node.kubeadm_files:
        state: forgotten
"""

RETURN = r"""
cksharden:
  description: What became of it; see M(cksharden.node.node_transaction).
  returned: for read and present
  type: dict
  contains:
    source:
      description: The control plane that the files come from.
      type: str
    outcome:
      description: As of M(cksharden.node.node_transaction).
      type: str
    files:
      description: For each file and directory its path, whether it is C(create), C(replace), C(as_there) or
        C(conflict), and its attributes C(before) and C(after).
      type: list
      elements: dict
    notes:
      description: What the machine needs beside them.
      type: list
      elements: str
"""
