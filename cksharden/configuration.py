# SPDX-License-Identifier: Apache-2.0
"""kubeadm-config, which speaks for all control planes: what a playbook answered of it."""

from __future__ import annotations

import msgspec

from cksharden.errors import IncompleteError
from cksharden.runner import PlaybookResult
from cksharden.transactions import Configuration


def answers(played: PlaybookResult) -> tuple[Configuration, ...]:
    """Return what was answered of kubeadm-config, in order, by those that have something to say.

    Raises:
        IncompleteError: an answer is not understood.
    """
    found = [answer for result in played.hosts.values() for answer in result.answers if "config" in answer]
    try:
        told = [msgspec.convert(answer, Configuration) for answer in found]
    except msgspec.ValidationError as error:
        raise IncompleteError(f"the answer about kubeadm-config is not understood: {error}") from error
    return tuple(one for one in told if one.config != "none")


def notices(played: PlaybookResult) -> tuple[str, ...]:
    """Return what is to be said of kubeadm-config: what it lacks, or that it was put back."""
    told: list[str] = []
    for one in answers(played):
        told += one.left_out
        told += [one.reason] if one.config in ("back", "stays") else []
    return tuple(dict.fromkeys(told))
