# SPDX-License-Identifier: Apache-2.0
"""What is expected of a kubelet setting, in the words of a control file."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cksharden.kinds.expectation import KubeletSetting
from cksharden.model import Status


def spec(**said: Any) -> KubeletSetting:
    return msgspec.convert({"key": "some.key"} | said, KubeletSetting)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"absent": "fail"}, "exactly one of equals"),
        ({"absent": "fail", "equals": 1, "is_set": True}, "exactly one of equals"),
        ({"equals": 1}, "exactly one of default and absent"),
        ({"equals": 1, "default": 1, "absent": "pass"}, "exactly one of default and absent"),
        ({"equals": 1, "default": 1, "key": None}, "a key, a flag, or both"),
        ({"one_of": [], "absent": "fail"}, "at least one value"),
        ({"equals": None, "absent": "fail"}, "must be a value"),
        ({"is_set": True, "set": "", "absent": "fail"}, "does not meet"),
    ],
)
def test_what_asks_nothing_or_too_much_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        spec(**said)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (
            {"equals": False, "default": False},
            Status.PASS,
            "some.key is not set, and the kubelet's default is false",
        ),
        (
            {"at_least": 60, "default": 50},
            Status.FAIL,
            "some.key is not set, and the kubelet's default is 50",
        ),
        (
            {"equals": [], "default": []},
            Status.PASS,
            "some.key is not set, and the kubelet's default is none",
        ),
        ({"is_set": True, "absent": "fail"}, Status.FAIL, "some.key is not set"),
        ({"is_set": False, "absent": "pass", "key": None, "flag": "f"}, Status.PASS, "--f is not set"),
        (
            {"equals": 1, "absent": "unknown"},
            Status.UNKNOWN,
            "some.key is not set, and what the kubelet then does is not known",
        ),
    ],
)
def test_an_unset_key_is_judged_by_the_kubelets_default(
    said: dict[str, Any], status: Status, reason: str
) -> None:
    assert spec(**said).unset("some.key" if "flag" not in said else "--f", "the kubelet") == (status, reason)


def test_a_value_that_only_has_to_be_there_is_any_text() -> None:
    wanted = spec(is_set=True, set="/ca.crt", absent="fail")
    assert (wanted.expected, wanted.target, wanted.like) == ("set", "/ca.crt", "/ca.crt")
    assert wanted.holds("/other.crt")
    assert not wanted.holds("")
    refused = spec(is_set=False, absent="pass")
    assert (refused.expected, refused.target, refused.like) == ("not set", None, "")
    assert refused.holds("")
    assert not refused.holds("/other.crt")


@pytest.mark.parametrize(
    ("text", "value"), [("A=true,B=false", "true"), ("B=false", None), (" A=false ", "false"), ("A", None)]
)
def test_the_flag_of_feature_gates_speaks_of_each_by_name(text: str, value: str | None) -> None:
    assert spec(key="featureGates.A", flag="feature-gates", equals=True, default=True).of_flag(text) == value


def test_any_other_flag_is_the_value_itself() -> None:
    assert spec(flag="some-key", equals="A=true", absent="fail").of_flag("A=true") == "A=true"
