#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_items
short_description: Hand a host its part of a plan
version_added: 0.1.0
description:
  - Reads a plan of cksharden on the controller and returns the host's settings as facts, which
    Ansible never templates, whatever text of a node is in them.
  - Without a plan it asks the node what it is, and leaves the settings of the inventory alone.
options:
  plan:
    description:
      - The path of a C(plan.json) on the controller.
      - Without it, the variable C(cksharden_plan) is used, and without that there is no plan.
    type: path
extends_documentation_fragment:
  - cksharden.node.reading
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Take each host's part of the plan
  cksharden.node.plan_items:
    plan: /var/tmp/runs/20261123T132000Z-1a2b3c/plan.json
"""

RETURN = r"""
ansible_facts:
  description: What the roles work on.
  returned: success
  type: dict
  contains:
    kubelet_settings:
      description: The items of the role kubelet, where there is a plan.
      type: list
      elements: dict
    encryption_settings:
      description: What M(cksharden.node.encryption_key) works on, where there is a plan.
      type: list
      elements: dict
    file_access_settings:
      description: The items of the role file_access, where there is a plan.
      type: list
      elements: dict
    cksharden_node_kind:
      description: What the node is, as it says itself. One of control_plane, worker and none.
      type: str
    cksharden_position:
      description: Its place among those that change one after another. Who leads etcd comes last.
      type: int
"""
