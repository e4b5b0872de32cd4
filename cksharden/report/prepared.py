# SPDX-License-Identifier: Apache-2.0
"""What `prepare` would place on a machine, as text."""

from __future__ import annotations

from cksharden.report.sheet import Sheet, Style
from cksharden.transactions import Attributes, Preparation, Preparations, PreparedFile

_STYLES = {"as_there": Style.QUIET, "conflict": Style.BAD}


def preparation_lines(sheet: Sheet, found: Preparations) -> None:
    """Add what would be placed on every machine. Nothing in it has been done."""
    for one in found.hosts:
        _host_lines(sheet, one)
    if found.conflicts:
        sheet.gap()
        told = "Nothing is placed: no other file is overwritten. Move it away, or leave that machine out."
        sheet.line((told, Style.BAD))


def _host_lines(sheet: Sheet, one: Preparation) -> None:
    sheet.gap()
    if not one.files:
        sheet.line((one.host, Style.HEAD), ": kubeadm-config names nothing that is to be placed")
    else:
        sheet.line((one.host, Style.HEAD), f": what kubeadm-config names, as {one.source} has it")
    for file in one.files:
        word = f"{file.status.replace('_', ' '):<10}"
        style = _STYLES.get(file.status)
        sheet.line("  ", (word, style) if style else word, f"  {file.path}{_told(file)}")
    for note in one.notes:
        sheet.line("  ", note)


def _told(file: PreparedFile) -> str:
    if file.told:
        return f": {file.told}"
    if file.status == "as_there":
        return ""
    return f"  {_words(file.after)}" + (f", was {_words(file.before)}" if file.before else "")


def _words(these: Attributes) -> str:
    return f"mode {these.mode}, owner {these.owner or these.uid}, group {these.group or these.gid}"
