# SPDX-License-Identifier: Apache-2.0
"""Add what a control wants to a file that somebody wrote, and lose nothing of it. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import YamlError, dump, load
from cksharden.kinds.document import Beside, DocumentError, not_collected, read

Meets = Callable[[str], bool]


def added(option: str, wanted: str, there: str, path: str, meets: Meets, beside: Beside) -> str:
    """Return the document that is there with all that is wanted in it; nothing else of it is lost.

    Mappings are merged key by key, lists of things with names name by name, and lists of texts hold both.
    What both say stays as it is there, unless the document then does not meet what is expected.

    Args:
        option: one of FORMATS.
        wanted: a document of that format.
        there: the other.
        path: where that one is.
        meets: whether a document is as expected.
        beside: reads a file that it names.

    Raises:
        DocumentError: it is not of its format.
    """
    ours = {key: value for key, value in load(wanted).data.items() if key not in ("apiVersion", "kind")}
    plugins = {plugin["name"] for plugin in ours.get("plugins") or ()}
    data = _moved(read(option, there, path), path, plugins, beside)
    gently = dump(_merged(data, ours, kept=True))
    return gently if meets(gently) else dump(_merged(data, ours, kept=False))


def joined(option: str, base: str | None, path: str, one: str, other: str) -> str:
    """Return what two controls make of a document, each without the other, as one.

    Args:
        option: one of FORMATS.
        base: what is there; None for nothing.
        path: where that is.
        one: what the first makes of it.
        other: what the second does.

    Raises:
        DocumentError: they contradict each other.
    """
    data = {} if base is None else _moved(read(option, base, path), path, set(), not_collected)
    return dump(_joined(data, load(one).data, load(other).data, ""))


def paths_in(text: str) -> frozenset[str]:
    """Return every absolute path that a document names; none for what is no YAML."""
    try:
        return frozenset(word for word in _texts(load(text).data) if word.startswith("/"))
    except YamlError:
        return frozenset()


def _moved(data: dict[str, Any], path: str, inline: set[str], beside: Beside) -> dict[str, Any]:
    """Return a document that says the same elsewhere: it takes in what it tells some plugins in other files.

    A relative path is looked for beside the file (apiserver, pkg/admission/config.go).
    """
    for plugin in data.get("plugins") or ():
        other = plugin.get("path")
        if not other:
            continue
        plugin["path"] = posixpath.join(posixpath.dirname(path), other)
        if plugin["name"] in inline and plugin.get("configuration") is None:
            try:
                plugin["configuration"] = load(beside(plugin["path"])).data
            except YamlError as error:
                raise DocumentError(f"{plugin['path']}: {error}") from error
            del plugin["path"]
    return data


def _merged(there: Any, wanted: Any, *, kept: bool) -> Any:
    if there is None:
        return wanted
    if isinstance(there, dict) and isinstance(wanted, dict):
        return there | {key: _merged(there.get(key), value, kept=kept) for key, value in wanted.items()}
    if isinstance(there, list) and isinstance(wanted, list):
        if all(map(_name, (*there, *wanted))):
            by_name = {_name(one): one for one in there}
            new = {_name(one): _merged(by_name.get(_name(one)), one, kept=kept) for one in wanted}
            return list((by_name | new).values())
        if all(isinstance(one, str) for one in (*there, *wanted)):
            return list(dict.fromkeys((*there, *wanted)))
    return there if kept else wanted


def _joined(base: Any, one: Any, other: Any, at: str) -> Any:
    if other in (one, base):
        return one
    if one == base:
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        base = base if isinstance(base, dict) else {}
        both = {
            key: _joined(base.get(key), one.get(key), other.get(key), f"{at}.{key}".lstrip("."))
            for key in one | other
        }
        return {key: value for key, value in both.items() if value is not None}
    if isinstance(one, list) and isinstance(other, list):
        if all(map(_name, (*one, *other))):
            was, first, second = ({_name(each): each for each in some} for some in (base or (), one, other))
            return [
                _joined(was.get(name), first.get(name), second.get(name), f"{at}.{name}")
                for name in first | second
            ]
        if all(isinstance(each, str) for each in (*one, *other)):
            return list(dict.fromkeys((*one, *other)))
    raise DocumentError(f"two controls want another {at}")


def _name(one: Any) -> str:
    """Return what tells a thing from its like: a plugin's name, the type of a limit of events."""
    return str(one.get("name") or one.get("type") or "") if isinstance(one, dict) else ""


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for one in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _texts(one)
