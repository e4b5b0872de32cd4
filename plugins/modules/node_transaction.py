#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: node_transaction
short_description: Change a Kubernetes node by a transaction of its own
version_added: 0.1.0
description:
  - Reads the node, works out which files have to change for the role's settings to hold, and hands
    the node a transaction. An agent on the node swaps the files, restarts the kubelet where that is
    needed, watches it, and keeps the change or puts everything back, whatever becomes of the controller.
  - The settings are taken from the variable C(kubelet_settings), C(file_access_settings) or
    C(static_pods_settings) and never handed over as an option, so that text of a node in them is never
    taken for a template.
  - What stays on the node lies below C(/var/lib/cksharden), for a rollback.
options:
  role:
    description: The role whose settings are to hold.
    type: str
    required: true
    choices: [kubelet, file_access, static_pods]
  config_dir:
    description: The drop-in directory that a kubelet without one gets.
    type: path
    default: /etc/kubernetes/kubelet.conf.d
  gate_etcd_window:
    description: Seconds for which a changed etcd must be well before anything else changes, 60 by default.
    type: int
attributes:
  check_mode:
    description: Says what would change.
    support: full
  diff_mode:
    description: Shows every file as it would be written; of a file that holds a secret, only that it changes.
    support: full
extends_documentation_fragment:
  - cksharden.node.transaction
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Have the kubelet refuse TLS 1.2, on one control plane after the other
  hosts: kube_control_plane
  serial: 1
  become: true
  vars:
    kubelet_settings:
      - key: tlsMinVersion
        value: VersionTLS13
        flag: tls-min-version
  tasks:
    - name: Change the kubelet
      cksharden.node.node_transaction:
        role: kubelet
"""

RETURN = r"""
cksharden:
  description: How the transaction ended.
  returned: always
  type: dict
  contains:
    role:
      description: The role.
      type: str
    run:
      description: The run.
      type: str
      sample: 20261123T132000Z-1a2b3c
    outcome:
      description:
        - C(committed), C(nothing) (all was as wanted), C(restored) (it was put back), C(refused) or
          C(abandoned) (nothing was changed), C(open) (its end was not seen; the node finishes by itself).
      type: str
    reason:
      description: Why it ended so.
      type: str
    kubelet_error:
      description: The kubelet's own last error since its restart, where it did not come up.
      type: str
    proved:
      description: Whether a gate proved that the kubelet serves its node.
      type: bool
    seconds:
      description: How long the node was at it.
      type: int
    watched:
      description: How many of these seconds gates had only to see that all stays as it is.
      type: int
    files:
      description: The path and the action of each change.
      type: list
      elements: dict
"""
