# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a node, framed so that it is found among login banners and known to be whole.

CKSHARDEN-BEGIN <nonce> <length> <sha256>
<one JSON object, ASCII>
CKSHARDEN-END <nonce>
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import Any, TextIO

from .text import plain_json

LARGEST = 32 * 1024 * 1024
"""Characters of JSON beyond which an answer is refused, by the sender and by the reader."""


class FramingError(ValueError):
    """The output of a node holds no whole answer; the text says what is wrong with it."""


def emit(nonce: str, answer: dict[str, Any], stream: TextIO | None = None) -> None:
    """Print answer (a JSON object) as one frame marked with nonce; to standard output unless told."""
    body = json.dumps(plain_json(answer), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if len(body) > LARGEST:
        raise FramingError(f"the answer has {len(body)} characters, more than {LARGEST}")
    digest = hashlib.sha256(body.encode("ascii")).hexdigest()
    out = sys.stdout if stream is None else stream
    out.write(f"\nCKSHARDEN-BEGIN {nonce} {len(body)} {digest}\n{body}\nCKSHARDEN-END {nonce}\n")
    out.flush()


def parse(nonce: str, output: str) -> dict[str, Any]:
    """Return the object that was emitted with nonce.

    Raises FramingError where it is absent, cut, or altered on the way.
    """
    head = re.search(
        rf"^CKSHARDEN-BEGIN {re.escape(nonce)} (\d{{1,9}}) ([0-9a-f]{{64}})\r?\n", output, re.MULTILINE
    )
    if head is None:
        raise FramingError(f"no answer in {len(output)} characters of output")
    length = int(head.group(1))
    if length > LARGEST:
        raise FramingError(f"the answer claims {length} characters, more than {LARGEST}")
    body = output[head.end() : head.end() + length]
    if len(body) < length:
        raise FramingError(f"the answer was cut: {len(body)} of {length} characters")
    if not body.isascii() or hashlib.sha256(body.encode("ascii")).hexdigest() != head.group(2):
        raise FramingError("the answer was altered on its way (digest differs)")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as reason:
        raise FramingError(f"the answer is no JSON: {reason}") from reason
    if not isinstance(answer, dict):
        raise FramingError("the answer is no JSON object")
    return answer
