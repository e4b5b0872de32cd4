# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.module_utils.node.framing import FramingError, emit, parse
from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line, plain

NONCE = "0123abcd"


def framed(answer: dict[str, object]) -> str:
    stream = io.StringIO()
    emit(NONCE, answer, stream)
    return stream.getvalue()


def test_an_answer_is_found_among_login_banners() -> None:
    banner = "Welcome to node w1\nCKSHARDEN-BEGIN other 2 ffff\n{}\n"
    assert parse(NONCE, banner + framed({"a": [1, "ü"]}) + "logout\n") == {"a": [1, "ü"]}


# Any text at all, lone surrogates included: what JSON can carry comes back, the rest as escapes.
@given(st.text(st.characters(codec=None, categories=None), max_size=50))
def test_any_text_travels(text: str) -> None:
    sent = framed({text: text})
    assert sent.isascii()
    assert parse(NONCE, sent) == {plain(text): plain(text)}
    plain(text).encode("utf-8")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: "", "no answer"),
        (lambda text: text.replace(NONCE, "another"), "no answer"),
        (lambda text: text[:80], "no answer|cut"),
        (lambda text: text.replace("value", "ualve"), "altered"),
        (lambda text: text.replace("value", "välue"), "altered"),
        (lambda text: text.partition("value")[0], "cut"),
        (lambda text: text.replace(" 15 ", " 999999999 "), "claims"),
    ],
)
def test_a_damaged_answer_is_no_answer(damage: object, reason: str) -> None:
    assert callable(damage)
    with pytest.raises(FramingError, match=reason):
        parse(NONCE, damage(framed({"key": "value"})))


def test_deep_nesting_is_refused_not_a_crash() -> None:
    import hashlib

    body = '{"a":' * 200_000 + "1" + "}" * 200_000
    digest = hashlib.sha256(body.encode()).hexdigest()
    with pytest.raises(FramingError, match="no JSON"):
        parse(NONCE, f"CKSHARDEN-BEGIN {NONCE} {len(body)} {digest}\n{body}\nCKSHARDEN-END {NONCE}\n")


def test_not_a_number_is_never_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        emit(NONCE, {"x": float("nan")}, io.StringIO())


def test_bytes_that_are_no_text_become_escapes() -> None:
    assert plain(b"caf\xe9") == "caf\\xe9"
    assert plain("caf\udce9") == "caf\\xe9"
    json.dumps(plain("\ud800")).encode("ascii")


def test_one_line_shows_escapes_and_sends_none() -> None:
    assert one_line("a\x1b[31mred\r\n\tb\u202e") == "a\\x1b[31mred b\\u202e"
    assert one_line("x" * 500) == "x" * 297 + "..."
