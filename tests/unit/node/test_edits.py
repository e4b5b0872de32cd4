# SPDX-License-Identifier: Apache-2.0
"""The pure edits of configuration files: what changes, what stays, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.module_utils.node.edits import EditError, apply_edits

REMOVE = [{"op": "remove_flag", "variable": "KUBELET_EXTRA_ARGS", "flag": "tls-min-version"}]
UNIT = [{"op": "remove_unit_flag", "flag": "tls-min-version"}]


def prepend(value: str = "/etc/kubernetes/kubelet.conf.d") -> list[dict[str, str]]:
    return [{"op": "prepend_flag", "variable": "KUBELET_EXTRA_ARGS", "flag": "config-dir", "value": value}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"KUBELET_EXTRA_ARGS=--tls-min-version=VersionTLS12\n", b"KUBELET_EXTRA_ARGS=\n"),
        (b'KUBELET_EXTRA_ARGS="--v=2 --tls-min-version=VersionTLS12 --x"', b'KUBELET_EXTRA_ARGS="--v=2 --x"'),
        (b"KUBELET_EXTRA_ARGS='--tls_min_version VersionTLS12 --x'\n", b"KUBELET_EXTRA_ARGS='--x'\n"),
        (b"KUBELET_EXTRA_ARGS= --a  --tls-min-version --b \n", b"KUBELET_EXTRA_ARGS= --a --b \n"),
        (b"A=--tls-min-version=1\n#KUBELET_EXTRA_ARGS=--tls-min-version=1\n", None),
        (b"KUBELET_EXTRA_ARGS=--tls-min-version-x=1 --no-tls-min-version\r\n", None),
        (b'B="\nKUBELET_EXTRA_ARGS=--tls-min-version=1\n"\n', None),
        (b"KUBELET_EXTRA_ARGS=--node-labels='a=b'\n", None),
        (b"\xff\xfe=\x80\r\nKUBELET_EXTRA_ARGS=--tls-min-version=1", b"\xff\xfe=\x80\r\nKUBELET_EXTRA_ARGS="),
        (b"KUBELET_EXTRA_ARGS=--tls-min-version=1 --a --tls-min-version 2", b"KUBELET_EXTRA_ARGS=--a"),
    ],
)
def test_remove_flag(before: bytes, after: bytes | None) -> None:
    assert apply_edits(before, REMOVE) == (before if after is None else after)


@pytest.mark.parametrize(
    "text",
    [
        b"KUBELET_EXTRA_ARGS=--tls-min-version='VersionTLS12'\n",
        b"KUBELET_EXTRA_ARGS=--a \\\n --tls-min-version=VersionTLS12\n",
        b'KUBELET_EXTRA_ARGS="--a" "--tls-min-version=VersionTLS12"\n',
        b"KUBELET_EXTRA_ARGS=--a=--tls-min-version\n",
        b"KUBELET_EXTRA_ARGS=--tls-min-version -1\n",
    ],
)
def test_remove_flag_refuses_what_is_not_certain(text: bytes) -> None:
    with pytest.raises(EditError):
        apply_edits(text, REMOVE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b'KUBELET_EXTRA_ARGS="--config-dir=/etc/kubernetes/kubelet.conf.d"\n'),
        (b"", b'KUBELET_EXTRA_ARGS="--config-dir=/etc/kubernetes/kubelet.conf.d"\n'),
        (b"KUBELET_EXTRA_ARGS=\n", b"KUBELET_EXTRA_ARGS=--config-dir=/etc/kubernetes/kubelet.conf.d\n"),
        (b"KUBELET_EXTRA_ARGS=", b"KUBELET_EXTRA_ARGS=--config-dir=/etc/kubernetes/kubelet.conf.d"),
        (
            b"# mine\nKUBELET_EXTRA_ARGS='--v=2'\n",
            b"# mine\nKUBELET_EXTRA_ARGS='--config-dir=/etc/kubernetes/kubelet.conf.d --v=2'\n",
        ),
        (b"A=1", b'A=1\nKUBELET_EXTRA_ARGS="--config-dir=/etc/kubernetes/kubelet.conf.d"\n'),
        (
            b"A=1\nKUBELET_EXTRA_ARGS=-o\nKUBELET_EXTRA_ARGS=--n\n",
            b"A=1\nKUBELET_EXTRA_ARGS=-o\nKUBELET_EXTRA_ARGS=--config-dir=/etc/kubernetes/kubelet.conf.d --n\n",
        ),
    ],
)
def test_prepend_flag(before: bytes | None, after: bytes) -> None:
    assert apply_edits(before, prepend()) == after
    assert apply_edits(after, prepend()) == after


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"KUBELET_EXTRA_ARGS=--config-dir=/other\n", "/d"),
        (b"KUBELET_EXTRA_ARGS=--config-dir /d\n", "/d"),
        (b"KUBELET_EXTRA_ARGS=a\\\n", "/d"),
        (b"# comment \\", "/d"),
        (b'A="', "/d"),
        (b"", "/a b"),
        (b"", '/a"'),
    ],
)
def test_prepend_flag_refuses_what_is_not_certain(text: bytes, value: str) -> None:
    with pytest.raises(EditError):
        apply_edits(text, prepend(value))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b'[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--tls-min-version=VersionTLS12 --v=2"\n',
            b'[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--v=2"\n',
        ),
        (b'Environment="A=--v=2 --tls-min-version x" B=1\n', b'Environment="A=--v=2" B=1\n'),
        (b"Environment=A=--tls-min-version=x\n", b"Environment=A=\n"),
        (
            b"ExecStart=\nExecStart=/usr/bin/kubelet --tls-min-version=x $A\n",
            b"ExecStart=\nExecStart=/usr/bin/kubelet $A\n",
        ),
        (b"# --tls-min-version=x\nExecStartPre=/x --tls-min-version=x\n", None),
    ],
)
def test_remove_unit_flag(before: bytes, after: bytes | None) -> None:
    assert apply_edits(before, UNIT) == (before if after is None else after)


@pytest.mark.parametrize(
    "text",
    [
        b'ExecStart=/k --tls-min-version="x"\n',
        b"ExecStart=/k --tls-min-version 'x'\n",
        b"ExecStart=/k \\\n --tls-min-version=x\n",
        b"ExecStart=/k \\\n# comment\n --tls-min-version=x\n",
        b"Environment=A=1 B=--tls-min-version=x\n",
    ],
)
def test_remove_unit_flag_refuses_what_is_not_certain(text: bytes) -> None:
    with pytest.raises(EditError):
        apply_edits(text, UNIT)


def test_merge_json_creates_sorted_text() -> None:
    merged = apply_edits(None, [{"op": "merge_json", "values": {"b": {"z": 1, "a": [1]}, "a": True}}])
    assert merged == b'{\n  "a": true,\n  "b": {\n    "a": [\n      1\n    ],\n    "z": 1\n  }\n}\n'


def test_merge_json_keeps_the_bytes_of_what_is_so_already() -> None:
    text = b'{"a":   {"b": 1, "c": [2]}}'
    assert apply_edits(text, [{"op": "merge_json", "values": {"a": {"b": 1}}}]) == text
    changed = apply_edits(text, [{"op": "merge_json", "values": {"a": {"b": True}}}])
    assert json.loads(changed) == {"a": {"b": True, "c": [2]}}


@pytest.mark.parametrize(
    "text", [b"", b"a: 1\n", b"[1]", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 5000]
)
def test_merge_json_refuses_what_it_did_not_write(text: bytes) -> None:
    with pytest.raises(EditError):
        apply_edits(text, [{"op": "merge_json", "values": {"a": 1}}])


def test_an_unknown_edit_is_refused() -> None:
    with pytest.raises(EditError, match="unknown edit"):
        apply_edits(b"", [{"op": "shred"}])


WORDS = st.lists(
    st.sampled_from([b"--tls-min-version=x", b"--tls-min-version", b"--v=2", b"--tls-min-version-b=1", b"y"]),
    max_size=6,
)
QUOTES = st.sampled_from([b"", b'"', b"'"])
NOISE = st.binary(max_size=40)


@given(NOISE, QUOTES, WORDS, st.one_of(st.just(b""), NOISE.map(lambda noise: b"\n" + noise)))
def test_removing_keeps_every_other_byte_and_is_idempotent(
    before: bytes, quote: bytes, words: list[bytes], after: bytes
) -> None:
    head, value, tail = before + b"\nKUBELET_EXTRA_ARGS=" + quote, b" ".join(words), quote + after
    try:
        changed = apply_edits(head + value + tail, REMOVE)
    except EditError:
        return
    assert apply_edits(changed, REMOVE) == changed
    if changed != head + value + tail:
        assert changed.startswith(head)
        assert changed.endswith(tail)
        left = changed[len(head) : len(changed) - len(tail)].split()
        others = [word for word in words if word.startswith(b"--") and word[2:17] != b"tls-min-version"]
        assert [word for word in left if word in others] == others
        assert b"--tls-min-version" not in left
        assert b"--tls-min-version=x" not in left


@given(NOISE, QUOTES, WORDS, st.one_of(st.just(b""), NOISE.map(lambda noise: b"\n" + noise)))
def test_prepending_only_inserts_and_is_idempotent(
    before: bytes, quote: bytes, words: list[bytes], after: bytes
) -> None:
    text = before + b"\nKUBELET_EXTRA_ARGS=" + quote + b" ".join(words) + quote + after
    try:
        changed = apply_edits(text, prepend("/d"))
    except EditError:
        return
    assert apply_edits(changed, prepend("/d")) == changed
    same = next((i for i, (a, b) in enumerate(zip(text, changed, strict=False)) if a != b), len(text))
    assert changed.endswith(text[same:])
