# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for all modules that have the node carry out a transaction."""

from __future__ import annotations


class ModuleDocFragment:
    """The run's name, and how long the gate watches."""

    DOCUMENTATION = r"""
options:
  run:
    description:
      - The name of this run, by which it can be taken back later.
      - Without it, the variable C(cksharden_run) is used.
      - Without that one is made for all hosts of the playbook.
    type: str
  gate_window:
    description:
      - Seconds that the restarted kubelet must stay the same process, 30 by default and at least 10.
      - For static pods the seconds for which all of them must be well, 150 by default and at least 30.
    type: int
  gate_limit:
    description:
      - Seconds within which the kubelet must serve its node again, 180 by default and at least 60.
      - For static pods the seconds within which all of them must be well, 300 by default and at least 120.
    type: int
"""
