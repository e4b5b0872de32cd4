# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node is called in its cluster."""

from __future__ import annotations

from collections.abc import Sequence


def node_name(argv: Sequence[str], host_name: str) -> str:
    """Return the name under which a kubelet with this command line registers its node."""
    name = host_name
    for index, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        if flag == "--hostname-override":
            name = value if equals else argv[index + 1] if index + 1 < len(argv) else name
    return name.strip().lower()
