#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption_round
short_description: Bring a control plane's encryption of what it stores a round further
version_added: 0.1.0
description:
  - Changes the configuration that C(encryption_settings) names, by a transaction of the node of its own,
    named C(encryption_) and the number of the round. The key is that of M(cksharden.node.encryption_key).
  - Where the API server has the file read again, the node sees by its metrics that it has done so, and puts
    the old one back where not. Nothing restarts.
  - All control planes finish a round before the first begins the next one.
options:
  round:
    description:
      - From round 1 on the key reads, from round 2 on it writes.
      - After round 3 its provider has no other key.
      - Round 3 is for a key that follows another one, once all was written anew.
    type: int
    required: true
    choices: [1, 2, 3]
  gate_limit:
    description: Seconds within which the API server must have read the file, 180 by default and at least 90.
    type: int
attributes:
  check_mode:
    description: Says whether the file would change.
    support: full
  diff_mode:
    description: The file holds keys.
    support: none
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Have every control plane know the key
  cksharden.node.encryption_round:
    round: 1
  become: true
"""

RETURN = r"""
cksharden:
  description: How the transaction ended; see M(cksharden.node.node_transaction).
  returned: always
  type: dict
  contains:
    outcome:
      description: As of M(cksharden.node.node_transaction).
      type: str
"""
