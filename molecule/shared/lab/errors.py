# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, in two kinds: refused before anything was touched, and failed on the way."""

from __future__ import annotations


class LabError(Exception):
    """A step of the lab failed; the message says which command and how it ended."""

    exit_code = 1


class RefusedError(LabError):
    """The lab cannot or may not do what was asked; nothing was changed."""

    exit_code = 2
