# SPDX-License-Identifier: Apache-2.0
"""What Ansible says of a host, made into one line that names the cause."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line

# Ansible 2.19 puts these before the message of an action.
_PREFIXES = re.compile(r"^(?:(?:Task failed|Action failed|Module failed)[:.]\s*)+")
_SSH = re.compile(r"(?:reached over ssh|connect to the host via ssh)\s*:(.*)\Z", re.DOTALL)
# Lines of ssh that come along with the reason but are not it.
_NOISE = re.compile(
    r"^(?:Warning: Permanently added|debug\d:|\*\* |Connection to \S+ closed by remote host|mux_client)"
)

_UNPARSED = re.compile(r"Failed to parse inventory with '(\w+)' plugin: (.+)$", re.MULTILINE)
_PARSE_PREFIX = re.compile(r"^(?:Failed to parse inventory|YAML parsing failed): ")

_FOUND_CLASS = re.compile(r", found \"<class .*>\" instead")
"""Names Python's type in place of the user's."""

_NO_PASSWORD = "sudo asks for a password, and none was given (-K or --become-password-file)"
_HINTS = {
    "Missing sudo password": _NO_PASSWORD,
    "Incorrect sudo password": "sudo refuses the password (-K or --become-password-file)",
    "sudo: a password is required": _NO_PASSWORD,
}


def failure_reason(result: dict[str, Any]) -> str:
    """Return why a task failed."""
    answer = result.get("cksharden")
    if isinstance(answer, dict) and isinstance(answer.get("message"), str):
        return one_line(answer["message"])
    message = _PREFIXES.sub("", _text(result)).strip()
    for words, hint in _HINTS.items():
        if words in message:
            return hint
    return one_line(message) or "the task failed without a message"


def unreachable_reason(result: dict[str, Any]) -> str:
    """Return why a host could not be reached, in the words of ssh where there are any."""
    message = _PREFIXES.sub("", _text(result))
    said = _SSH.search(message)
    lines = [line.strip() for line in (said[1] if said else message).splitlines()]
    reasons = [line for line in lines if line and not _NOISE.match(line)]
    return one_line(reasons[-1]) if reasons else "ssh ended without a message"


def inventory_reason(error: str, inventory: str) -> str:
    """Return why Ansible can't parse an inventory file, from what it printed of each form it tried."""
    reasons: dict[str, str] = {}
    for plugin, said in _UNPARSED.findall(error):
        if "no root 'plugin' key found" in said:  # so it is no configuration of a plugin, which is no fault
            continue
        reason = _FOUND_CLASS.sub("", said)
        reasons.setdefault(
            "YAML" if plugin == "auto" else plugin.upper(), _PARSE_PREFIX.sub("", reason).strip()
        )
    line = re.search(re.escape(inventory) + r":(\d+)(?::\d+)?$", error, re.MULTILINE)
    where = f" (line {line[1]})" if line else ""
    if inventory.endswith((".yml", ".yaml", ".json")) and "YAML" in reasons:
        return one_line(reasons["YAML"]) + where
    if len(reasons) == 1:
        return one_line(next(iter(reasons.values()))) + where
    return (
        "; ".join(f"as {form}: {one_line(reason)}" for form, reason in reasons.items())
        or "Ansible can't read it"
    )


def error_text(lines: list[str]) -> str:
    """Return what Ansible printed about an error of its own, without its traceback."""
    text = "\n".join(lines).replace("\r", "").partition("\nTraceback (most recent call last)")[0]
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def _text(result: dict[str, Any]) -> str:
    message = result.get("msg") or result.get("exception") or ""
    return message if isinstance(message, str) else str(message)
