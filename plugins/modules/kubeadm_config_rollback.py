#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_config_rollback
short_description: Take out of kubeadm-config what a run has put there
version_added: 0.1.0
description:
  - Puts the ClusterConfiguration back as it was before a run, from what M(cksharden.node.kubeadm_config) has
    kept on the control plane that wrote it. Where nobody has changed it since, it is the same text again.
  - Else it goes option by option. What is as the run left it goes back; what somebody has changed since is
    named, and stays without O(force). A volume stays while an option that stays needs it.
  - It is kept as well, and can be taken back as a run of its own.
options:
  of:
    description: The run to take back.
    type: str
    required: true
  force:
    description: Overwrite what was changed since that run.
    type: bool
    default: false
  optional:
    description:
      - Do not fail where it can't be done now, for another task that comes later.
      - Without it an API server that does not answer is waited for, up to a minute.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would go back.
    support: full
  diff_mode:
    description: The configuration may hold secrets.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Take back what a run has put into kubeadm-config
  cksharden.node.kubeadm_config_rollback:
    of: 20261123T132000Z-1a2b3c
  become: true
"""

RETURN = r"""
cksharden:
  description: What became of it.
  returned: always
  type: dict
  contains:
    config:
      description:
        - C(back) or C(as_before); C(none) where this node keeps nothing of that run; C(stays) where a control
          plane of the inventory is not in the play; C(later) where it could not be done now; C(failed).
      type: str
    goes:
      description: The options and volumes that go back.
      type: list
      elements: str
    left:
      description: Those that somebody has changed since.
      type: list
      elements: str
    reason:
      description: All of it in a sentence.
      type: str
"""
