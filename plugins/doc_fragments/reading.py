# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for all modules that only read."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of a module that changes nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: It changes nothing, so it does the same in check mode.
    support: full
  diff_mode:
    description: There are no differences to show.
    support: none
"""
