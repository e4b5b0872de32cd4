# SPDX-License-Identifier: Apache-2.0
"""The formats of reports."""

from __future__ import annotations

from cksharden.report.interface import Options, Reporter, Screen, View
from cksharden.report.json import JsonReporter
from cksharden.report.text import TextReporter

REPORTERS: dict[str, Reporter] = {"text": TextReporter(), "json": JsonReporter()}

__all__ = ["REPORTERS", "Options", "Reporter", "Screen", "View"]
