# SPDX-License-Identifier: Apache-2.0
"""The kinds of controls there are."""

from __future__ import annotations

from cksharden.kinds.control_plane_file import ControlPlaneFileKind
from cksharden.kinds.control_plane_flag import ControlPlaneFlagKind
from cksharden.kinds.encryption import EncryptionKind
from cksharden.kinds.file_access import FileAccessKind
from cksharden.kinds.interface import CannotRemedy, Kind, PartlyRemedied, crashed
from cksharden.kinds.kubelet_setting import KubeletSettingKind
from cksharden.kinds.static_pod_directory import StaticPodDirectoryKind
from cksharden.kinds.static_pod_rendering import StaticPodRenderingKind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        KubeletSettingKind(),
        FileAccessKind(),
        ControlPlaneFlagKind(),
        ControlPlaneFileKind(),
        EncryptionKind(),
        StaticPodDirectoryKind(),
        StaticPodRenderingKind(),
    )
}

__all__ = ["KINDS", "CannotRemedy", "Kind", "PartlyRemedied", "crashed"]
