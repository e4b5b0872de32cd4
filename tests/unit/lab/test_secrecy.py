# SPDX-License-Identifier: Apache-2.0
"""A key is found in whatever form it lies somewhere."""

from __future__ import annotations

import base64
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from tests.lab.secrecy import forms, in_files

SECRET = some.binary(min_size=16, max_size=48)


@given(SECRET, some.binary(max_size=7), some.binary(max_size=7))
def test_it_is_found_within_anything_that_is_encoded(secret: bytes, before: bytes, after: bytes) -> None:
    whole = before + secret + after
    encoded = (
        whole,
        whole.hex().encode(),
        whole.hex().upper().encode(),
        base64.b64encode(whole),
        base64.urlsafe_b64encode(whole),
    )
    assert all(any(form in one for form in forms(secret)) for one in encoded)


def test_files_that_hold_it_are_named(tmp_path: Path) -> None:
    secret = bytes(range(32))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/leak.json").write_bytes(b'{"a": "' + base64.b64encode(b"xy" + secret) + b'"}')
    (tmp_path / "clean").write_bytes(secret[1:])
    assert in_files(forms(secret), [tmp_path]) == [str(tmp_path / "deep/leak.json")]
