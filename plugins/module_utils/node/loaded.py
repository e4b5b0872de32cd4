# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration an API server has loaded, of those that it reads again while it runs.

Metrics of 1.34 and later (apiserver/pkg/server/options/*config/metrics): the digest of the bytes it runs
with, and how often it refused what it found in the file, which it reads once a minute.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .kubeapi import Api

_LARGEST = 64 * 1024 * 1024
"""Bytes of metrics: many resources make many of them."""
_BEGIN = b"apiserver_"
_HASH = re.compile(
    rb'apiserver_([a-z]+)_config_controller_last_config_info\{.*\bhash="(sha256:[0-9a-f]{64})".*\} 1$'
)
_REFUSED = re.compile(
    rb'apiserver_([a-z]+)_config_controller_automatic_reloads_total\{.*\bstatus="failure".*\} ([0-9.e+]+)$'
)


class Loaded(NamedTuple):
    """What an API server tells of one configuration."""

    digest: str
    """sha256:… of the file's bytes, "" where it tells none."""
    refused: int
    """How often it could not load the file since it started."""


def loaded(api: Api) -> dict[str, Loaded]:
    """Return what an API server tells, by authentication, authorization and encryption. Raises ApiError."""
    digests: dict[str, str] = {}
    refused: dict[str, int] = {}
    for line in api.lines("/metrics", _LARGEST):
        if not line.startswith(_BEGIN):
            continue
        found = _HASH.match(line)
        if found:
            digests[found[1].decode()] = found[2].decode()
        found = _REFUSED.match(line)
        if found:
            refused[found[1].decode()] = int(float(found[2]))
    kinds = digests.keys() | refused.keys()
    return {kind: Loaded(digests.get(kind, ""), refused.get(kind, 0)) for kind in kinds}
