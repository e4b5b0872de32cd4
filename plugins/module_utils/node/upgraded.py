# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a manifest that an upgrade has written since a run from one that somebody edited.

The old one would take its component back to the version before, and etcd's data knows no way back.
"""

from __future__ import annotations

from .block_yaml import Scalar, read
from .flags import EditError
from .manifest_pod import container_of, lines_of


def upgraded(component: str, before: bytes, now: bytes) -> str:
    """Say which version a manifest is of by now and was of before, "" where it is the same one."""
    try:
        old, new = _version(component, before), _version(component, now)
    except EditError:
        return ""
    return f"it is of {new} by now, and was of {old} before that run" if new != old else ""


def _version(component: str, data: bytes) -> str:
    """Return the tag of a component's image. Raises EditError."""
    image = container_of(read(lines_of(data)), component).entries.get("image")
    text = (image.text if isinstance(image, Scalar) else None) or ""
    return text.rpartition("/")[2].partition(":")[2]
