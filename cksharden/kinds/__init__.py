# SPDX-License-Identifier: Apache-2.0
"""The kinds of controls there are."""

from __future__ import annotations

from cksharden.kinds.file_access import FileAccessKind
from cksharden.kinds.interface import CannotRemedy, Kind, crashed
from cksharden.kinds.kubelet_setting import KubeletSettingKind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (KubeletSettingKind(), FileAccessKind())}

__all__ = ["KINDS", "CannotRemedy", "Kind", "crashed"]
