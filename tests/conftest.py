# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# A property says nothing of time: two cores that are busy with something else must not fail one.
settings.register_profile("cksharden", deadline=None)
settings.load_profile("cksharden")

# A shell starts background jobs with SIGINT ignored, and so are their children's: tests that interrupt would
# wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
