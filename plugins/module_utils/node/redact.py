# SPDX-License-Identifier: GPL-3.0-or-later
"""Take private keys, tokens and passwords out of text before it leaves a node.

It works on lines and patterns, not on a parsed document: what is read may be broken, or be in no
format at all. Where it can't tell how far a secret goes, it takes more. Every pattern is anchored,
so that a hostile text costs linear time.
"""

from __future__ import annotations

import re
from typing import Any

MARK = "[redacted]"

# Only the end of a name counts: configMapAndSecretChangeDetectionStrategy holds no secret, nor
# does --authentication-token-webhook. *-data is kubeconfig's (client-key-data and its like).
_SECRET_NAME = re.compile(
    r"(?:tokens?|passwords?|passwd|passphrase|secrets?|(?:secret|access|api)[-_]?key|key[-_]?id|key[-_]?data|[-_]data|headers?)$"
    # These are the ends of harmless words too (path): a part of their own, or one by its capital.
    r"|(?:(?<![A-Za-z0-9])(?:pass|pwd|pat|credentials?|auth)|(?<=[a-z0-9])(?-i:Pass|Pwd|Pat|Credentials?|Auth))$",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(r"^requestheader-|^--?requestheader-")  # names of headers, none of their values

_PATTERNS = (
    # A private key; without its end (the file was cut) all that follows.
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
    ),
    # "-----BEGIN" in base64, whatever is inside, and the lines below that may go on with it ("ExecStart="
    # can't).
    re.compile(
        r"LS0tLS1CRUdJ[A-Za-z0-9+/=]+"
        r"(?:(?:[ \t]*\\?\r?\n[ \t]*|\\n)(?![A-Z][A-Za-z]{3,24}=\s)[A-Za-z0-9+/]+={0,2}(?=[\s\"'\\,}\]]|\Z))*"
    ),
    # The user and password of a URL.
    re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"),
    re.compile(r"(?i:(?<=bearer )|(?<=basic ))[A-Za-z0-9._~+/=-]{4,}"),
    # A JSON web token.
    re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"),
    # A bootstrap token of kubeadm.
    re.compile(r"(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])"),
)

_QUOTED = r'"(?:[^"\\\n]|\\[\s\S])*"?|\'[^\'\n]*\'?'
_WORD = r"""(?:\\\n|[^\s"'])+"""  # a backslash goes on below
_FLAG = re.compile(rf"(?<![\w-])(--?([A-Za-z][\w-]*)(?:=|[ \t]+))({_QUOTED}|(?!-){_WORD})")
_VARIABLE = re.compile(rf"(?<![\w-])([A-Za-z_]\w*)=({_QUOTED}|{_WORD})")
_QUOTED_VARIABLE = re.compile(
    r"""(["'])([A-Za-z_]\w*)=((?:(?!\1)(?:\\\n|[^\n]))*)"""
)  # systemd: "NAME=two words"
_PLAIN_VALUE = r"""[^\s,{}\[\]"'|>&!#][^,{}\[\]\n]*"""
_KEY = re.compile(
    rf"""(?<![\w.-])(["']?)([A-Za-z][\w.-]*)\1([ \t]*:[ \t]+|:(?=["']))({_QUOTED}|{_PLAIN_VALUE})"""
)
_OPEN_BRACKET = re.compile(r"""(?<![\w.-])(["']?)([A-Za-z][\w.-]*)\1[ \t]*:\s*([{\[])""")
# Lists of {name, value}: the environment of a container, extraArgs and extraEnvs of kubeadm.
_NAME_LINE = re.compile(
    r"""^([ \t]*(?:- +)*)(["']?)name\2[ \t]*:[ \t]*(["']?)([A-Za-z_][\w.-]*)\3[ \t]*,?[ \t]*$"""
)
_VALUE_LINE = re.compile(r"""^([ \t]*(?:- +)*)((["']?)value\3[ \t]*:[ \t]*)(.*?)(,?[ \t]*)$""")
_PAIR_NAME = r"""["']?name["']?[ \t]*:[ \t]*["']?(?P<name>[A-Za-z_][\w.-]*)["']?"""
_PAIR_VALUE = rf"""["']?value["']?[ \t]*:[ \t]*(?P<value>{_QUOTED}|[^\s,}}]+)"""
_PAIRS = (
    re.compile(rf"{_PAIR_NAME}[ \t]*,[ \t]*{_PAIR_VALUE}"),
    re.compile(rf"{_PAIR_VALUE}[ \t]*,[ \t]*{_PAIR_NAME}"),
)
_NOWHERE = 1 << 20
# A key of 16, 24 or 32 bytes in base64, as an EncryptionConfiguration has them; a path has no capital.
_KEY_MATERIAL = re.compile(
    r"(?<![A-Za-z0-9+/])(?=[a-z0-9+/]*[A-Z])"
    r"(?:[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{32}|[A-Za-z0-9+/]{43}=)(?![A-Za-z0-9+/=])"
)
_KEY_LINE = re.compile(r"""^([ \t]*(?:- +)*)(["']?)([A-Za-z][\w.-]*)\2[ \t]*:[ \t]*(\S.*)?$""")


def redact(text: str) -> tuple[str, bool]:
    """Return text with secrets replaced by `[redacted]`, and whether there were any."""
    clean = text
    for pattern in _PATTERNS:
        clean = pattern.sub(MARK, clean)
    clean = _without_blocks(_without_pairs(_without_brackets(clean)))
    clean = _KEY.sub(_without_key, clean)
    clean = _FLAG.sub(_without_flag, clean)
    clean = _QUOTED_VARIABLE.sub(_without_quoted_variable, clean)
    clean = _VARIABLE.sub(_without_variable, clean)
    return clean, clean != text


def redact_keys(text: str) -> tuple[str, bool]:
    """Do the same to an EncryptionConfiguration, of which nothing may pass that could be a key."""
    clean = _KEY_MATERIAL.sub(MARK, redact(text)[0])
    return clean, clean != text


def redact_data(value: Any, depth: int = 20) -> Any:
    """Return JSON data with the values of its secret keys, and secrets within its texts, replaced.

    Raises ValueError for data of more levels than depth.
    """
    if depth == 0:
        raise ValueError("data of too many levels")
    if isinstance(value, dict):
        return {
            redact(name)[0]: MARK
            if _is_secret(name) and each and isinstance(each, (str, list, dict))
            else redact_data(each, depth - 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [redact_data(each, depth - 1) for each in value]
    return redact(value)[0] if isinstance(value, str) else value


def redact_arguments(words: list[str]) -> list[str]:
    """Return a command line with the values of its secret flags replaced."""
    clean: list[str] = []
    secret_follows = False
    for word in words:
        name, equals, value = word.partition("=")
        is_flag = word.startswith("-")
        if secret_follows and not is_flag:
            clean.append(word if _is_switch(word) else MARK)
        elif is_flag and equals and _is_secret(name) and not _is_switch(value):
            clean.append(f"{name}={MARK}")
        else:
            clean.append(redact(word)[0])
        secret_follows = is_flag and not equals and _is_secret(name)
    return clean


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def _is_switch(value: str) -> bool:
    return value.strip("\"' \t").lower() in ("true", "false", "t", "f", "1", "0")


def _keeps(name: str, value: str) -> bool:
    return not _is_secret(name) or _is_switch(value) or MARK in value


def _without_key(match: re.Match[str]) -> str:
    quote, name, colon, value = match.groups()
    return match[0] if _keeps(name, value) else f'{quote}{name}{quote}{colon}"{MARK}"'


def _without_flag(match: re.Match[str]) -> str:
    return match[0] if _keeps(match[2], match[3]) else match[1] + MARK


def _without_variable(match: re.Match[str]) -> str:
    return match[0] if _keeps(match[1], match[2]) else f"{match[1]}={MARK}"


def _without_quoted_variable(match: re.Match[str]) -> str:
    return match[0] if _keeps(match[2], match[3]) else f"{match[1]}{match[2]}={MARK}"


def _without_brackets(text: str) -> str:
    """Replace what a secret key holds between braces or brackets, over as many lines as it takes."""
    kept: list[str] = []
    done = 0
    for match in _OPEN_BRACKET.finditer(text):
        if match.start() < done or not _is_secret(match[2]):
            continue
        kept.append(text[done : match.start(3)] + f'"{MARK}"')
        done = _closing(text, match.start(3))
    return "".join(kept) + text[done:]


def _closing(text: str, start: int) -> int:
    """Return the index after the bracket that closes the one at start; the end where none does."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] in "{[":
            depth += 1
        elif text[at] in "}]":
            depth -= 1
        if depth == 0:
            return at + 1
    return len(text)


def _without_pairs(text: str) -> str:
    """Replace the value of {name, value} where the name is that of a secret; either may come first."""
    for pattern in _PAIRS:
        text = pattern.sub(_without_value, text)
    lines = text.split("\n")
    hidden = set()
    for value, name in _siblings(lines):
        match, named = _VALUE_LINE.match(lines[value]), _NAME_LINE.match(lines[name])
        if match is None or named is None or _keeps(named[4], match[4]):
            continue
        lines[value] = f'{match[1]}{match[2]}"{MARK}"{match[5]}'
        below = value + 1
        while below < len(lines) and _column(lines[below]) > len(match[1]):
            hidden.add(below)
            below += 1
    return "\n".join(line for number, line in enumerate(lines) if number not in hidden)


def _siblings(lines: list[str]) -> list[tuple[int, int]]:
    """Return the numbers of two lines, each way around, that hold neighbouring keys of one mapping."""
    found = []
    open_keys: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        column = _column(line)
        if column == _NOWHERE:
            continue
        while open_keys and open_keys[-1][0] > column:
            open_keys.pop()
        same = bool(open_keys) and open_keys[-1][0] == column
        if same:
            before = open_keys.pop()[1]
            if not line.lstrip(" \t").startswith("- "):
                found += [(before, number), (number, before)]
        open_keys.append((column, number))
    return found


def _without_value(match: re.Match[str]) -> str:
    if _keeps(match["name"], match["value"]):
        return match[0]
    begin, end = (at - match.start() for at in match.span("value"))
    return f'{match[0][:begin]}"{MARK}"{match[0][end:]}'


def _column(line: str) -> int:
    """Return where the first key of a line begins; beyond every column for an empty one."""
    bare = line.lstrip(" \t-")
    return len(line) - len(bare) if bare else _NOWHERE


def _without_blocks(text: str) -> str:
    """Replace what a secret key of YAML holds on the lines below it, also where it began on its own."""
    kept: list[str] = []
    hidden_below: int | None = None
    for line in text.split("\n"):
        bare = line.lstrip(" \t")
        indent = len(line) - len(bare)
        if hidden_below is not None and bare:
            if indent > hidden_below or (indent == hidden_below and bare.startswith("- ")):
                continue
            hidden_below = None
        match = _KEY_LINE.match(line)
        if match and _is_secret(match[3]):
            hidden_below = len(match[1])
        # A value on the line itself is for _KEY; here goes what it continues with.
        if match and hidden_below is not None and (not match[4] or match[4][0] in "|>&!#"):
            kept.append(f'{match[1]}{match[2]}{match[3]}{match[2]}: "{MARK}"')
        else:
            kept.append(line)
    return "\n".join(kept)
