# SPDX-License-Identifier: Apache-2.0
"""The preview of a rollback as text."""

from __future__ import annotations

from cksharden.report.sheet import Sheet, Style
from cksharden.transactions import Configuration, HostRestoration, Restoration, Restorations


def restoration_lines(sheet: Sheet, found: Restorations) -> None:
    """Add what the rollback would do on every host. Nothing in it has been done."""
    sheet.line(f"Rollback of run {found.of}")
    for host in found.hosts:
        _host_lines(sheet, host, found)
    if found.configuration is not None:
        _configuration_lines(sheet, found.configuration)
    if found.upgraded:
        sheet.gap()
        told = "Nothing is put back: the cluster was upgraded since that run, and this would undo it."
        sheet.line((told, Style.BAD))
        sheet.line("docs/control-plane.md says how options are taken out of a cluster that was upgraded.")
    elif found.conflicts:
        sheet.gap()
        sheet.line(
            ("Nothing is put back: a file was changed since that run. --force overwrites it.", Style.BAD)
        )


def _configuration_lines(sheet: Sheet, told: Configuration) -> None:
    """Add what would become of kubeadm-config, which speaks for every control plane."""
    words = {"back": "put back", "as_before": "as before", "later": "put back once the API server answers"}
    sheet.gap()
    sheet.line(("kubeadm-config", Style.HEAD), f": {words.get(told.config, told.reason)}")
    for name in told.goes:
        sheet.line("  put back     ", name)
    for name in told.left:
        sheet.line(
            "  ", ("stays        ", Style.BAD), f"{name}: changed since that run; --force overwrites it"
        )


def _host_lines(sheet: Sheet, host: HostRestoration, found: Restorations) -> None:
    sheet.gap()
    if not host.known:
        sheet.line((host.host, Style.HEAD), f": keeps nothing of run {found.of}")
        return
    words = {"kubelet": "the kubelet", "static_pods": "the static pods"}
    restarts = [
        words[role]
        for role, files in host.roles.items()
        if role in words and any(file.status != "as_before" for file in files)
    ]
    sheet.line((host.host, Style.HEAD), f": restarts {' and '.join(restarts) or 'nothing'}")
    # A file that changed in several rounds of a run goes back in as many, to one end.
    for file in dict.fromkeys(file for files in host.roles.values() for file in files):
        sheet.line("  ", *_file(file, force=found.force))


def _file(file: Restoration, *, force: bool) -> tuple[str | tuple[str, Style], ...]:
    told = f": {file.told}" if file.told else ""
    if file.status == "restore":
        return "put back     ", file.path
    if file.status == "as_before":
        return ("as before    ", Style.QUIET), f"{file.path}{told}"
    if file.status == "newer":
        return ("upgraded     ", Style.BAD), f"{file.path}{told}"
    words = "overwritten  " if force else "conflict     "
    return (words, Style.BAD), f"{file.path}: changed since that run{told}"
