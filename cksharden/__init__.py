# SPDX-License-Identifier: Apache-2.0
"""See, plan, apply, prove and undo the hardening of existing kubeadm clusters."""

from __future__ import annotations

import re
from pathlib import Path

# The collection lies beside this package, in a checkout as in a wheel; its galaxy.yml has the version.
_GALAXY = Path(__file__).parents[1] / "ansible_collections/cksharden/node/galaxy.yml"
_FOUND = re.search(r"^version: (\S+)$", _GALAXY.read_text(encoding="utf-8"), re.MULTILINE)

__version__ = _FOUND[1] if _FOUND else "unknown"
