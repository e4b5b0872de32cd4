# SPDX-License-Identifier: Apache-2.0
"""A plan as text: per node, in the order of change, every file that would be written."""

from __future__ import annotations

from collections.abc import Collection

from cksharden.kinds.control_plane_file import DIRECTORY
from cksharden.model import FileState, HostPlan, Plan, PlannedFile
from cksharden.report.sheet import Sheet, Style

_INDENT = " " * 4
_KEYS = {
    "": "by the key that is there, or else a new one",
    "begin": "by a new key",
    "finish": "and a key that another one was to follow goes",
}
"""By what a change of keys is about (kinds/encryption.py)."""


def plan_lines(sheet: Sheet, plan: Plan) -> None:
    """Add the plan. Nothing in it has been done."""
    for number, hosts in enumerate(_alike(plan), 1):
        _host_lines(sheet, f"{number}. {', '.join(hosts)}", plan.hosts[hosts[0]])
    _kept_lines(sheet, plan)
    _encryption_lines(sheet, plan)
    _left_out_lines(sheet, plan)


def nothing_planned(plan: Plan, hosts: Collection[str]) -> str:
    """Say why a plan changes nothing on hosts: it has nothing of one that could not be asked."""
    if not plan.hosts:
        return "nothing could be planned: no node could be asked"
    if len(plan.hosts) < len(hosts):
        return "nothing to change on the nodes that could be asked"
    return "nothing to change"


def _alike(plan: Plan) -> list[list[str]]:
    """Return the hosts in the order of change; those of a batch in which the same changes are together."""
    groups: list[list[str]] = []
    for batch in plan.order:
        fresh: list[list[str]] = []
        for host in batch:
            files, restarts = plan.hosts[host].files, plan.hosts[host].restarts
            same = (
                one
                for one in fresh
                if (plan.hosts[one[0]].files, plan.hosts[one[0]].restarts) == (files, restarts)
            )
            group = next(same, None)
            if group is None:
                fresh.append([host])
            else:
                group.append(host)
        groups += fresh
    return groups


def _host_lines(sheet: Sheet, title: str, host: HostPlan) -> None:
    sheet.gap()
    restarts = f", restarts {', '.join(host.restarts)}" if host.restarts else ", restarts nothing"
    sheet.line((f"{title}: {host.kind.value.replace('_', ' ')}", Style.HEAD), restarts)
    controls: tuple[str, ...] = ()
    for file in host.files:
        _file_lines(sheet, file, told=controls == file.controls)
        controls = file.controls


def _kept_lines(sheet: Sheet, plan: Plan) -> None:
    """Announce what is put into kubeadm-config once every node has come through."""
    items = [item for host in plan.hosts.values() for item in host.settings.get("static_pods_settings", ())]
    named = [item for item in items if "option" in item]
    options = dict.fromkeys(f"--{item['option']} of {item['component']}" for item in named)
    if not options:
        return
    sheet.gap()
    sheet.line(("Last: the ConfigMap kubeadm-config", Style.HEAD), ", so that kubeadm upgrade keeps")
    for option in options:
        sheet.line(_INDENT, option)
    if any(str(item.get("value")).startswith(f"{DIRECTORY}/") for item in named):
        sheet.line("  ", "A control plane that joins later needs their files before: `cksharden prepare`")


def _encryption_lines(sheet: Sheet, plan: Plan) -> None:
    """Announce what all control planes do together at the end."""
    items = [item for host in plan.hosts.values() for item in host.settings.get("encryption_settings", ())]
    if not items:
        return
    key = _KEYS[items[0].get("rotation", "")]
    sheet.gap()
    sheet.line((f"Then: {items[0]['resource']} are encrypted in etcd", Style.HEAD), f", {key}")
    sheet.line(_INDENT, "each API server reads the file again, up to a minute each, and nothing restarts;")
    sheet.line(_INDENT, "then all of them are written anew, and their raw values in etcd are looked at")


def _file_lines(sheet: Sheet, file: PlannedFile, *, told: bool) -> None:
    sheet.line(
        "  ", f"{file.action:<10}  ", (file.path, Style.HEAD), f"  {_attributes(file.before, file.after)}"
    )
    if not told:
        sheet.line(_INDENT, ("for " + ", ".join(file.controls), Style.QUIET))
    if file.secret:
        before, after = (
            (state.digest or "known on the node alone") if state else "absent"
            for state in (file.before, file.after)
        )
        sheet.line(_INDENT, f"holds a secret: {before} → {after}")
    elif file.diff:
        sheet.diff(file.diff, _INDENT)


def _attributes(before: FileState | None, after: FileState) -> str:
    """Say what a file's attributes are, or what each becomes."""
    if after == FileState():
        return "defines a pod a second time"
    if before is None:
        return f"mode {after.mode}, owner {after.owner}, group {after.group}"
    pairs = ((key, getattr(before, key), getattr(after, key)) for key in ("mode", "owner", "group"))
    return ", ".join(f"{key} {old} → {new}" for key, old, new in pairs if old != new)


def _left_out_lines(sheet: Sheet, plan: Plan) -> None:
    hosts: dict[tuple[str, str], list[str]] = {}
    for name, host in plan.hosts.items():
        for one in host.left_out:
            hosts.setdefault((one.control, one.reason), []).append(name)
    if hosts:
        sheet.heading("Left out")
    for (control, reason), names in hosts.items():
        sheet.line("  ", f"{control} ({', '.join(names)}): {reason}")
