# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A property says nothing of time: two cores that are busy with something else must not fail one.
settings.register_profile("cksharden", deadline=None)
settings.load_profile("cksharden")
