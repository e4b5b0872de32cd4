# SPDX-License-Identifier: Apache-2.0
"""The same checks as a playbook of stock modules, generated from the same controls.

It is written as a good author would: no facts gathered, a connection that is kept and pipelined, no
shell. Each check is two tasks, as in the published playbooks, so that it can be run alone by its tag:
one reads what it judges, one asserts. The kubelet's command line is read once for all. It knows less
than cksharden: no parents of a file, one place for the kubelet's configuration, and neither what the
running kubelet nor the next `kubeadm upgrade` would say.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import msgspec

from cksharden.catalog import Catalogued
from cksharden.kinds.expectation import KubeletSetting
from cksharden.kinds.file_access import FileAccess

Task = dict[str, Any]

_BITS = {
    stat.S_IXUSR: "xusr",
    stat.S_IRGRP: "rgrp",
    stat.S_IWGRP: "wgrp",
    stat.S_IXGRP: "xgrp",
    stat.S_IROTH: "roth",
    stat.S_IWOTH: "woth",
    stat.S_IXOTH: "xoth",
}
_CONFIG = "/var/lib/kubelet/config.yaml"


def playbook(controls: Iterable[Catalogued]) -> list[dict[str, Any]]:
    """Return the playbook; a check that fails is noted and the next one goes on."""
    tasks: list[Task] = [
        {
            "name": "Read the kubelet's command line",
            "ansible.builtin.command": "pgrep --list-full --exact kubelet",
            "register": "kubelet",
            "changed_when": False,
        }
    ]
    for one in controls:
        tasks += [{"tags": one.control.id, "ignore_errors": True} | task for task in _check(one)]
    return [{"name": "Audit", "hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}]


def _check(one: Catalogued) -> list[Task]:
    spec, title = one.spec, one.control.title
    if isinstance(spec, FileAccess):
        return _file(spec, title)
    if isinstance(spec, KubeletSetting):
        return _setting(spec, title)
    raise TypeError(f"no stock task for a {type(spec).__name__}")


def _file(spec: FileAccess, title: str) -> list[Task]:
    """Look at files with find where there are several, else with stat."""
    paths = [PurePosixPath(path) for path in spec.paths]
    single = len(paths) == 1 and not set("*?[") & set(spec.paths[0])
    find = {
        "paths": sorted({str(path.parent) for path in paths}),
        "patterns": sorted({path.name for path in paths}),
        "file_type": "any",
        "hidden": True,
    }
    read = (
        {"ansible.builtin.stat": {"path": spec.paths[0], "get_checksum": False, "get_mime": False}}
        if single
        else {"ansible.builtin.find": find}
    )
    files = "[found.stat]" if single else "found.files"
    wanted = []
    if spec.max_mode is not None:
        beyond = [name for bit, name in _BITS.items() if not bit & int(spec.max_mode, 8)]
        wanted += [f"{files} | selectattr('{name}') | length == 0" for name in beyond]
    for key, value in (("pw_name", spec.owner), ("gr_name", spec.group)):
        if value is not None:
            wanted.append(f"{files} | rejectattr('{key}', 'equalto', '{value}') | length == 0")
    return [
        {"name": f"Look: {title}", **read, "register": "found"},
        {
            "name": title,
            "ansible.builtin.assert": {"that": wanted or ["found is success"], "quiet": True},
            "when": "found.stat.exists" if single else "found.matched > 0",
        },
    ]


def _setting(spec: KubeletSetting, title: str) -> list[Task]:
    """Compare a key of the configuration, or the flag that overrides it."""
    flag = f"'--{spec.flag}=' not in kubelet.stdout" if spec.flag else "true"
    keys = "".join(f"[{part!r}]" for part in str(spec.key or "-").split("."))
    default = "" if spec.default is msgspec.UNSET else spec.default
    value = f"((read.content | b64decode | from_yaml){keys} | default({default!r}))"
    wanted = [flag, _holds(spec, value)]
    return [
        {"name": f"Read: {title}", "ansible.builtin.slurp": {"path": _CONFIG}, "register": "read"},
        {"name": title, "ansible.builtin.assert": {"that": wanted, "quiet": True}},
    ]


def _holds(spec: KubeletSetting, value: str) -> str:
    if isinstance(spec.one_of, list):
        return f"{value} in {spec.one_of!r}"
    if isinstance(spec.subset_of, list):
        return f"{value} is subset({spec.subset_of!r})"
    if isinstance(spec.at_least, int):
        return f"{value} | int >= {spec.at_least}"
    if isinstance(spec.at_most, int):
        return f"{value} | int <= {spec.at_most}"
    if isinstance(spec.is_set, bool):
        return f"({value} | string | length > 0) == {spec.is_set}"
    return f"{value} == {spec.equals!r}"
