# SPDX-License-Identifier: Apache-2.0
"""Closed sets of words that controls use and the command line offers; nothing heavy is imported here."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much an attacker gains where the control does not hold."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Default(StrEnum):
    """What apply does with a control that fails."""

    ENABLED = "enabled"
    OPT_IN = "opt_in"
    REPORT_ONLY = "report_only"
