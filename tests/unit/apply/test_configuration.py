# SPDX-License-Identifier: Apache-2.0
"""What an apply or a rollback says of kubeadm-config, once."""

from __future__ import annotations

from typing import Any

import pytest

from cksharden.configuration import answers, notices
from cksharden.errors import IncompleteError
from cksharden.runner import HostResult, PlaybookResult


def played(*told: dict[str, Any]) -> PlaybookResult:
    hosts = {f"cp{number}": HostResult(f"cp{number}", "ok", "", (one,)) for number, one in enumerate(told)}
    return PlaybookResult(0, hosts, matched=True, error="")


def test_what_it_does_not_get_is_said() -> None:
    out = ["kubeadm-config does not get --v of etcd: cp2 has 4 and cp1 2"]
    assert notices(played({"config": "changed", "left_out": out}, {"outcome": "committed"})) == tuple(out)


def test_what_was_put_back_is_said_and_what_nobody_keeps_is_not() -> None:
    result = played(
        {"config": "none", "reason": "nothing"},
        {"config": "back", "reason": "it is back", "goes": ["--v of etcd"], "left": []},
        {"config": "as_before", "reason": "it is as before"},
    )
    assert [one.config for one in answers(result)] == ["back", "as_before"]
    assert notices(result) == ("it is back",)


def test_an_answer_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(IncompleteError, match="not understood"):
        answers(played({"config": "?"}))
