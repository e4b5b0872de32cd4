# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn kubelet settings into changes of files: one pure function for the plan and for the role.

Our drop-in is JSON, which is YAML, so a node can merge it without a YAML parser. kubeadm's
config.yaml is never edited: `kubeadm upgrade` writes it anew, and reads neither the drop-in
directory nor /etc/default/kubelet.
"""

from __future__ import annotations

from posixpath import normpath
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError, apply_edits
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import (
    CommandLine,
    Flag,
    OptionsError,
    declared,
    running,
    text_of,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_flags import overrides
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_options import (
    configuration,
    drop_ins,
    flatten,
    parse_configuration,
)

CONFIG_DIR = "/etc/kubernetes/kubelet.conf.d"
DROP_IN = "99-cksharden.conf"
EXTRA_ARGS = "KUBELET_EXTRA_ARGS"
# --config-dir is beta, so usable without an environment variable of its own, from 1.31 (KEP 3983).
CONFIG_DIR_SINCE = (1, 31)
EDITABLE_ENVIRONMENT = (
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
    "/var/lib/kubelet/kubeadm-flags.env",
)
EDITABLE_UNITS = "/etc/systemd/system/"

Change = dict[str, Any]
Setting = dict[str, Any]


def kubelet_changes(
    section: dict[str, Any], items: list[Setting], config_dir: str = CONFIG_DIR
) -> dict[str, Any]:
    """Return what has to change on a node for `items` to hold.

    Args:
        section: the kubelet section of the node's facts.
        items: kubelet_settings: `key` (dotted), `value`, and the `flag` that would override it.
        config_dir: the drop-in directory to introduce where the kubelet has none.

    Returns:
        `changes`, `refused` ({control, reason}), `daemon_reload`, `restart`, and `argv`: the flags
        that the new command line has more and less than the live one.
    """
    try:
        line = declared(section)
        live = running(section)
        _check_ground(section, line, live)
        directory = line.last("config-dir")
        target = f"{normpath(directory.value if directory else config_dir)}/{DROP_IN}"
        kept, refused, removals = _sort_out(section, line, items, target)
        changes = _changes(section, line, kept, removals, target) if kept else []
    except OptionsError as error:
        return _result([], [_refuse(item, str(error)) for item in items], [], [])
    added = [] if directory or not changes else [f"--config-dir={normpath(config_dir)}"]
    return _result(changes, refused, added, [word for flag in removals for word in flag.words])


def _result(
    changes: list[Change], refused: list[Setting], added: list[str], removed: list[str]
) -> dict[str, Any]:
    return {
        "changes": changes,
        "refused": refused,
        "daemon_reload": any(change["path"].startswith(EDITABLE_UNITS) for change in changes),
        "restart": "kubelet.service" if changes else None,
        "argv": {"added": added, "removed": removed},
    }


def _check_ground(section: dict[str, Any], line: CommandLine, live: CommandLine | None) -> None:
    if live is None:
        raise OptionsError("the kubelet does not run: a change of it could not be proved")
    if sorted(map(str, line.flags)) != sorted(map(str, live.flags)):
        changed = sorted({str(flag) for flag in line.flags} ^ {str(flag) for flag in live.flags})
        raise OptionsError(
            f"the kubelet's files and its running command line differ in {', '.join(changed)}: "
            "somebody changed them since it started; restart the kubelet, then plan again"
        )
    version = str(section.get("version") or "")
    minor = tuple(int(part) for part in version.removeprefix("v").split(".")[:2] if part.isdigit())
    if line.last("config-dir") is None and minor < CONFIG_DIR_SINCE:
        raise OptionsError(f"a kubelet {version or 'of unknown version'} has no --config-dir (it needs 1.31)")
    if line.last("config") is None:
        raise OptionsError("the kubelet has no --config, so kubeadm did not set it up")
    configuration(section, line)


def _sort_out(
    section: dict[str, Any], line: CommandLine, items: list[Setting], target: str
) -> tuple[list[Setting], list[Setting], list[Flag]]:
    """Split the items into those that can be made to hold and those that can't, with the flags to remove."""
    kept, refused, removals = [], [], []
    for item in items:
        flags = [flag for flag in line.flags if flag.name == item.get("flag")]
        reason = (
            next(filter(None, (_cannot_remove(section, flag) for flag in flags)), None)
            or _overriding_flag(line, item)
            or _overridden(section, line, item["key"], target)
        )
        if reason:
            refused.append(_refuse(item, reason))
        else:
            kept.append(item)
            removals += [flag for flag in flags if flag not in removals]
    return kept, refused, removals


def _cannot_remove(section: dict[str, Any], flag: Flag) -> str | None:
    if flag.path in EDITABLE_ENVIRONMENT or flag.path.startswith(EDITABLE_UNITS):
        try:
            apply_edits((text_of(section, flag.path) or "").encode(), [_removal(flag)])
        except EditError as error:
            return f"{flag.path} is not edited: {error}; take --{flag.name} out by hand"
        return None
    return (
        f"--{flag.name} in {flag.path} overrides the kubelet's configuration, and that file belongs to a "
        "package or to what set the node up: take it out there, or override its line in a file of your own "
        f"below {EDITABLE_UNITS}kubelet.service.d/"
    )


def _overriding_flag(line: CommandLine, item: Setting) -> str | None:
    """Say which flag overrides the item that does not name it; nothing is taken away unasked."""
    for flag in line.flags:
        for key in flatten({item["key"]: item["value"]}):
            if flag.name != item.get("flag") and overrides(flag, key):
                return (
                    f"--{flag.name} in {flag.path} overrides {key}, and the setting does not name it: take "
                    f"it out there, or say `flag: {flag.name}` to have that done"
                )
    return None


def _overridden(section: dict[str, Any], line: CommandLine, key: str, target: str) -> str | None:
    """Say which drop-in, read after ours, sets the key or a part of it."""
    ours = target.split("/")
    for path in drop_ins(section, line):
        if normpath(path).split("/") <= ours:
            continue
        for other in flatten(parse_configuration(text_of(section, path) or "", path)):
            if f"{other}.".startswith(f"{key}.") or f"{key}.".startswith(f"{other}."):
                return f"{path} sets {other} and is read after {target}: change it there"
    return None


def _refuse(item: Setting, reason: str) -> Setting:
    return {"control": item.get("control", item["key"]), "reason": reason}


def _changes(
    section: dict[str, Any], line: CommandLine, items: list[Setting], removals: list[Flag], target: str
) -> list[Change]:
    values: dict[str, Any] = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    for item in items:
        *parents, leaf = item["key"].split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = item["value"]
    changes: list[Change] = []
    edits: dict[str, list[dict[str, Any]]] = {}
    if line.last("config-dir") is None:
        directory = target.rpartition("/")[0]
        changes.append(
            {
                "path": directory,
                "action": "directory",
                "create": _new("0755"),
                "ground": None,
                "holds_only": [DROP_IN],
            }
        )
        edits[_extra_args_file(line)] = [
            {"op": "prepend_flag", "variable": EXTRA_ARGS, "flag": "config-dir", "value": directory}
        ]
    for flag in removals:
        edits.setdefault(flag.path, []).append(_removal(flag))
    if not _already(section, target, values):
        changes.append(_edit(section, target, [{"op": "merge_json", "values": values}], "0600"))
    return changes + [_edit(section, path, todo, "0644") for path, todo in edits.items()]


def _already(section: dict[str, Any], target: str, values: dict[str, Any]) -> bool:
    if not section.get("files", {}).get(target, {}).get("exists"):
        return False
    present = flatten(parse_configuration(text_of(section, target) or "", target))
    return all(present.get(key) == value for key, value in flatten(values).items())


def _removal(flag: Flag) -> dict[str, Any]:
    if flag.path.startswith(EDITABLE_UNITS):
        return {"op": "remove_unit_flag", "flag": flag.name}
    return {"op": "remove_flag", "variable": flag.variable, "flag": flag.name}


def _extra_args_file(line: CommandLine) -> str:
    """Return the environment file whose KUBELET_EXTRA_ARGS reaches the command line."""
    if EXTRA_ARGS not in line.expands:
        raise OptionsError(
            f"kubelet.service does not expand ${EXTRA_ARGS}, so --config-dir can't be added by it: make "
            f"{CONFIG_DIR}, have what set the node up start the kubelet with --config-dir={CONFIG_DIR} "
            "(Kubespray: kubelet_custom_flags), then plan again"
        )
    candidates = [path for path in line.environment_files if path in EDITABLE_ENVIRONMENT[:2]]
    if not candidates:
        raise OptionsError("kubelet.service reads neither /etc/default/kubelet nor /etc/sysconfig/kubelet")
    source = line.environment.get(EXTRA_ARGS)
    if source is not None and source not in candidates:
        raise OptionsError(
            f"{source} sets {EXTRA_ARGS}, which an environment file would replace: add --config-dir there"
        )
    return source or candidates[-1]


def _edit(section: dict[str, Any], path: str, edits: list[dict[str, Any]], mode: str) -> Change:
    entry = section.get("files", {}).get(path) or {}
    ground = None
    if entry.get("exists"):
        if entry.get("lossy") or entry.get("truncated") or entry.get("real_path") not in (None, path):
            raise OptionsError(f"{path} is a link, too large or not UTF-8: it is not edited")
        ground = {key: entry[key] for key in ("digest", "mode", "uid", "gid")}
    return {"path": path, "action": "edit", "edits": edits, "create": _new(mode), "ground": ground}


def _new(mode: str) -> dict[str, Any]:
    return {"mode": mode, "uid": 0, "gid": 0}
