#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_lock
short_description: Keep other runs away from a Kubernetes cluster
version_added: 0.1.0
description:
  - Takes and gives back the Lease C(cksharden) in the namespace C(kube-system), which one run at a time
    can hold.
  - The task is delegated to one control plane after another. Each asks its own API server with
    C(/etc/kubernetes/admin.conf). Once one has settled it, the others are not asked.
  - The Lease does not expire. Its holder says the run, the machine, the boot, and the PID and start time
    of the C(ansible-playbook) that took it. Where that process has ended on this same machine, the lock is
    taken over.
options:
  state:
    description:
      - With V(present) the run takes the lock. The task fails where another one holds it.
      - With V(absent) the lock of O(run) is removed. The task fails where another run holds it, or where the
        process that took it still runs on this machine.
      - With V(idle) the task fails where the node has a transaction that has not ended.
      - With V(decided) the task fails where no control plane could be asked by the tasks before it.
    type: str
    required: true
    choices: [present, absent, idle, decided]
  run:
    description:
      - With O(state=absent) the run whose lock is removed. Without it, the run's own.
    type: str
  optional:
    description:
      - Do not fail where no control plane can be asked, or where the lock that is given back is another
        run's by now.
    type: bool
    default: false
attributes:
  check_mode:
    description: In check mode nothing is changed, so no lock is needed and the task is skipped.
    support: none
  diff_mode:
    description: There are no differences to show.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Take the lock of the cluster
  cksharden.node.cluster_lock:
    state: present
  delegate_to: cp1
  run_once: true
  become: true
"""

RETURN = r"""
cksharden:
  description: What became of the lock, where that is settled.
  returned: when settled
  type: dict
  contains:
    lock:
      description:
        - One of C(taken), C(taken_over), C(removed), C(absent), C(lost), C(held), C(busy), C(unknown),
          C(none) and C(without).
      type: str
    message:
      description: What there is to say of it.
      type: str
    holder:
      description: Who holds the lock.
      returned: when another run holds it
      type: dict
ansible_facts:
  description: What later tasks with this module need to know.
  returned: when a control plane was asked
  type: dict
  contains:
    cksharden_lock:
      description: What is settled so far.
      type: dict
"""
