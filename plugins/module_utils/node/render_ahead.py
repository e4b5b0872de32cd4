# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold manifests that are to be written against what the node's own kubeadm would write afterwards.

Line by line, order aside: kubeadm's text is regular, and what it writes today says whether a manifest is
still its own. One that somebody edited by hand is not compared.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from . import collect_rendered, fsio, kubeadm_render
from .command import CommandError
from .edits import apply_edits
from .kubeadm_render import RenderError
from .redact import redact
from .text import one_line

Answer = dict[str, Any]

# kubeadm's own, of the day when the node joined.
_ONCE = re.compile(r"\s*(?:- --initial-cluster(?:-state)?=|failureThreshold:)")


def main(payload: dict[str, Any]) -> Answer:
    """Return {"ahead": "same"}, or with a reason "other", or "unknown" where nothing can be compared.

    payload: request (of the collector), node_name, configuration (tomorrow's) and manifests, component ->
    {path, edits}: see edits.apply_edits.
    """
    request = payload["request"]
    kubeadm = kubeadm_render.look(float(request["limits"]["command_seconds"]))
    return ahead(payload, kubeadm)


def ahead(payload: dict[str, Any], kubeadm: dict[str, Any] | None) -> Answer:
    """Do so with a kubeadm, {path, version}."""
    try:
        found = collect_rendered.configured(payload["request"], kubeadm, payload["node_name"])
        today = found.render(found.configuration)
        live = {name: fsio.read_file(one["path"]) for name, one in payload["manifests"].items()}
    except (RenderError, CommandError, OSError) as reason:
        return _told("unknown", str(reason))
    own = [name for name, data in live.items() if _lines(data.decode()) == _lines(today.get(name, ""))]
    if not own:
        return _told("unknown", "they were edited by hand")
    try:
        tomorrow = found.render(payload["configuration"])
    except (RenderError, CommandError) as reason:
        return _told("other", f"kubeadm would not take it: {reason}")
    for name in own:
        wanted = _lines(apply_edits(live[name], payload["manifests"][name]["edits"]).decode())
        there = _lines(tomorrow.get(name, ""))
        if wanted != there:
            lost, new = (
                ", ".join(one.strip() for one in some) or "nothing"
                for some in (wanted - there, there - wanted)
            )
            return _told(
                "other", f"the next kubeadm upgrade would write {new} into {name} in place of {lost}"
            )
    return {"ahead": "same"}


def _lines(text: str) -> Counter[str]:
    return Counter(line for line in text.splitlines() if not _ONCE.match(line))


def _told(ahead: str, reason: str) -> Answer:
    return {"ahead": ahead, "reason": one_line(redact(reason)[0])}
