#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_key
short_description: Choose one key with which all control planes encrypt what they store
version_added: 0.1.0
description:
  - One of the steps in which the playbook C(harden) has Kubernetes encrypt its secrets in etcd. They only
    make sense together, and in its order.
  - It works on C(encryption_settings), a list of items of C(path) (of the configuration on the node),
    C(resource), C(provider) (C(secretbox) or C(aescbc)), and C(rotation), which is C(begin) for another key
    than the one that is there, and C(finish) where such a change was cut off. The first item counts.
  - Keys are in no result, no file and no argument. Between tasks they lie in a directory in memory of the
    controller, for the user of the playbook alone; where there is none it refuses.
options:
  state:
    description:
      - C(read) notes what the configuration of a control plane says.
      - C(chosen), to be run once, takes the key that they have, or makes one where none has any, or where a
        new one is asked for. Two different ones are refused, and so is a play without some control planes.
      - C(loaded) sees that the API server of a control plane can read by that key.
      - C(absent) removes what was noted.
    type: str
    required: true
    choices: [read, chosen, loaded, absent]
extends_documentation_fragment:
  - cksharden.node.reading
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Note what each control plane has
  cksharden.node.encryption_key:
    state: read
  become: true

- name: Choose the key for all of them
  cksharden.node.encryption_key:
    state: chosen
  run_once: true
  become: true
"""

RETURN = r"""
msg:
  description: What was found or chosen; of a key its name.
  returned: always
  type: str
"""
