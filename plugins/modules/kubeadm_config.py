#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_config
short_description: Have kubeadm keep what the manifests of a control plane say
version_added: 0.1.0
description:
  - Takes each option that C(static_pods_settings) names as the manifests of this control plane have it
    now, and puts it into the ClusterConfiguration of the ConfigMap C(kubeadm-config), with its mounts, so
    that C(kubeadm upgrade) and a control plane that joins write it as well.
  - Both forms of C(extraArgs) are understood, that of v1beta3 and that of v1beta4.
  - It is written only as the version that was read, through the node's own API server.
  - Run it once every control plane has been changed.
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
  serial: 1
  become: true
  tasks:
    - name: Have kubeadm keep it
      cksharden.node.kubeadm_config:
"""

RETURN = r"""
cksharden:
  description: What became of it.
  returned: always
  type: dict
  contains:
    config:
      description: C(changed), C(kept) where all of it was there already, or C(failed).
      type: str
"""
