# SPDX-License-Identifier: Apache-2.0
"""What an audit policy writes down of a request (apiserver, pkg/audit/policy/checker.go). Pure."""

from __future__ import annotations

from typing import Any

_LIMITS = ("users", "userGroups", "namespaces")


def audit_levels(policy: dict[str, Any], request: str) -> list[str]:
    """Return the levels at which requests of one sort may be written, in the order of the rules.

    A rule for some users, namespaces or names only gives one level, and those behind it the others.

    Args:
        policy: the document.
        request: a verb and a resource: "get secrets", "create pods/exec", "patch deployments.apps".
    """
    verb, _, resource = request.partition(" ")
    found: list[str] = []
    for rule in policy["rules"]:
        matches = _matches(rule, verb, resource)
        if matches is None:
            continue
        omitted = {*(policy.get("omitStages") or ()), *(rule.get("omitStages") or ())}
        # What is written when the answer is complete is what counts: the other stages are beside it.
        level = "None" if "ResponseComplete" in omitted else str(rule["level"])
        found += [] if level in found else [level]
        if matches:
            return found
    return found if "None" in found else [*found, "None"]


def _matches(rule: dict[str, Any], verb: str, resource: str) -> bool | None:
    """Say whether a rule is for all such requests; False: for some of them, None: for none."""
    if rule.get("verbs") and verb not in rule["verbs"]:
        return None
    if rule.get("nonResourceURLs") and not rule.get("resources") and not rule.get("namespaces"):
        return None
    unlimited = not any(rule.get(key) for key in _LIMITS)
    if not rule.get("resources"):
        return unlimited
    name, _, group = resource.partition(".")
    whole = [_names(entry, name) for entry in rule["resources"] if entry.get("group", "") in (group, "*")]
    matching = [one for one in whole if one is not None]
    return (unlimited and any(matching)) if matching else None


def _names(entry: dict[str, Any], name: str) -> bool | None:
    """Say whether an entry is for all objects of a resource; False: for some by name, None: for none."""
    resource, _, sub = name.partition("/")
    fitting = {name, "*", f"{resource}/*"} | ({f"*/{sub}"} if sub else set())
    if entry.get("resources") and not fitting & set(entry["resources"]):
        return None
    return not (entry.get("resources") and entry.get("resourceNames"))
