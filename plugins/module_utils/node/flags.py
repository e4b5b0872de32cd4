# SPDX-License-Identifier: GPL-3.0-or-later
"""Take command-line flags out of, or put one into, environment files and systemd units.

How systemd reads an environment file is in environment_file.py.
Text is handled as latin-1, which maps every byte to itself, so all other bytes stay as they are.
"""

from __future__ import annotations

import re

from .environment_file import EnvironmentFile

_SPACE = " \t\r"
_SPECIAL = re.compile(r"[\"'\\\n]")
"""What systemd would unquote, escape or end a word at: a value with one of these is not edited."""
_WORD = re.compile(r"[^ \t\r]+")


class EditError(Exception):
    """The edit can't be made with certainty; the text of the exception says why."""


def remove_flag(data: bytes | None, variable: str, flag: str) -> bytes | None:
    """Remove every --flag=value and --flag value from a variable of an environment file."""
    if data is None:
        return None
    text = data.decode("latin-1")
    for begin, end in reversed(assignments(text, variable)):
        if _mentions(text[begin:end], flag):
            left, body, right = _simple_value(text[begin:end], variable)
            text = text[:begin] + left + _removed(body, flag) + right + text[end:]
    return text.encode("latin-1")


def prepend_flag(data: bytes | None, variable: str, flag: str, value: str) -> bytes:
    """Put --flag=value first in a variable of an environment file; add the variable where it is not set."""
    value = value.encode("utf-8").decode("latin-1")
    if _SPECIAL.search(value) or _WORD.fullmatch(value) is None:
        raise EditError(f"the value of --{flag} holds white space, a quote or a backslash")
    word = f"--{flag}={value}"
    text = "" if data is None else data.decode("latin-1")
    places = assignments(text, variable)
    if not places:
        gap = "" if text == "" or text.endswith("\n") else "\n"
        if not EnvironmentFile(text + gap).ended:
            raise EditError("the last line of the file is not ended")
        return f'{text}{gap}{variable}="{word}"\n'.encode("latin-1")
    begin, end = places[-1]  # systemd takes the last assignment
    left, body, right = _simple_value(text[begin:end], variable)
    words = _WORD.findall(body)
    if word in words:
        return text.encode("latin-1")
    if any(_is_flag(each, flag) for each in words):
        raise EditError(f"{variable} sets --{flag} to something else already")
    body = word + (" " + body if words else "")
    return (text[:begin] + left + body + right + text[end:]).encode("latin-1")


def remove_unit_flag(data: bytes | None, flag: str) -> bytes | None:
    """Remove the flag from the Environment= and ExecStart= lines of a systemd unit or drop-in."""
    if data is None:
        return None
    lines = data.decode("latin-1").split("\n")
    continued = False
    for number, line in enumerate(lines):
        ends_open = line.rstrip("\r").endswith("\\")
        comment = line.lstrip(_SPACE)[:1] in ("#", ";")
        key = line.split("=", 1)[0].strip()
        if _mentions(line, flag) and not comment and (continued or key in ("Environment", "ExecStart")):
            if continued or ends_open:
                raise EditError(f"--{flag} stands in a line that is continued")
            lines[number] = _without_unit_flag(line, flag)
        # systemd leaves comments out of a continued line and goes on behind them.
        continued = ends_open or (continued and comment)
    return "\n".join(lines).encode("latin-1")


def _without_unit_flag(line: str, flag: str) -> str:
    """Take the flag out of one line, where a word may also end at a quote."""
    head, value = line.split("=", 1)
    if "\\" in value:
        raise EditError(f"the line of --{flag} holds a backslash")
    parts = re.split(r"([\"'])", value)
    for index in range(0, len(parts), 2):
        part = parts[index]
        words = part.split()
        cut_by_quote = index + 1 < len(parts) and part.endswith(("=", " ", "\t"))
        if words and _is_flag(words[-1], flag) and cut_by_quote:
            raise EditError(f"the value of --{flag} is quoted")
        # What follows Environment="NAME= is the first word of that variable's value.
        match = re.match(r"[A-Za-z_][A-Za-z0-9_]*=", part)
        name = match.group(0) if match else ""
        parts[index] = name + _removed(part[len(name) :], flag)
    return head + "=" + "".join(parts)


def _removed(text: str, flag: str) -> str:
    """Remove the flag, or say that some of it stands where it can't be told apart."""
    left = _without_flag(text, flag)
    if _mentions(left, flag):
        raise EditError(f"--{flag} stands in the middle of another word")
    return left


def _without_flag(body: str, flag: str) -> str:
    """Take every --flag=value and --flag value out of words parted by white space."""
    words = [match.span() for match in _WORD.finditer(body)]
    gone = []
    for index, (begin, end) in enumerate(words):
        word = body[begin:end]
        if not _is_flag(word, flag):
            continue
        last = end
        if "=" not in word and index + 1 < len(words):
            following = body[slice(*words[index + 1])]
            if re.match(r"-\d", following):
                raise EditError(f"--{flag} may or may not take the word behind it")
            if not following.startswith("-"):
                last = words[index + 1][1]
        gone.append((begin, last))
    for begin, end in reversed(gone):
        before, after = body[:begin], body[end:]
        first = not before.strip(_SPACE)
        body = before + after.lstrip(_SPACE) if first else before.rstrip(_SPACE) + after
    return body


def _is_flag(word: str, flag: str) -> bool:
    # The kubelet takes _ for - in the names of its flags.
    return word.startswith("--") and word[2:].split("=", 1)[0].replace("_", "-") == flag


def _mentions(text: str, flag: str) -> bool:
    spelt = re.escape(flag).replace(r"\-", "[-_]")
    return re.search(rf"(?<![\w-])--{spelt}(?![\w-])", text) is not None


def _simple_value(raw: str, variable: str) -> tuple[str, str, str]:
    """Split a raw value into what stands before the words, the words, and what stands behind them."""
    match = re.fullmatch(r"([ \t]*)([\"']?)([^\"'\\\n]*?)(\2)([ \t]*)", raw)
    if match is None:
        raise EditError(f"{variable} is quoted or continued in a way that can't be edited safely")
    return match.group(1) + match.group(2), match.group(3), match.group(4) + match.group(5)


def assignments(text: str, variable: str) -> list[tuple[int, int]]:
    """Return (begin, end) of each raw value of the variable, as systemd reads an environment file."""
    return [(one.begin, one.end) for one in EnvironmentFile(text).assignments if one.name == variable]
