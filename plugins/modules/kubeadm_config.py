#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_config
short_description: Have kubeadm keep what the manifests of all control planes say
version_added: 0.1.0
description:
  - Takes each option that C(static_pods_settings) of any control plane of the play names as the manifests of
    all of them have it now, and puts it into the ClusterConfiguration of the ConfigMap C(kubeadm-config),
    with its mounts, so that C(kubeadm upgrade) and a control plane that joins write it as well.
  - What one of them has not, or has otherwise, or whose file it lacks, stays out and is named. Where a
    control plane of the group C(kube_control_plane) is not in the play nothing is written.
  - Both forms of C(extraArgs) are understood, that of v1beta3 and that of v1beta4.
  - It is written only as the version that was read, through the node's own API server, and the node keeps
    what it replaces for M(cksharden.node.kubeadm_config_rollback).
  - Run it once every control plane has been changed, all of them in one batch.
options:
  state:
    description:
      - C(declared) reads each control plane, and has to come first. C(present) writes, and is run once.
    type: str
    choices: [declared, present]
    default: present
attributes:
  check_mode:
    description: Says whether it would change.
    support: full
  diff_mode:
    description: The configuration may hold secrets.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Keep what was changed
  hosts: kube_control_plane
  become: true
  tasks:
    - name: Learn what every control plane has
      cksharden.node.kubeadm_config:
        state: declared

    - name: Have kubeadm keep it
      cksharden.node.kubeadm_config:
        state: present
      run_once: true
"""

RETURN = r"""
cksharden:
  description: What became of it.
  returned: with C(state=present)
  type: dict
  contains:
    config:
      description: C(changed), C(kept) where all of it was there already, or C(failed).
      type: str
    left_out:
      description: What it does not get, and why, as sentences.
      type: list
      elements: str
"""
