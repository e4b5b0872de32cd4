# SPDX-License-Identifier: GPL-3.0-or-later
"""EncryptionConfigurations: who writes a resource, who can read it, and the same with another key. Pure.

The first provider of the first entry that covers a resource writes it, by the first of its keys; each
value says in its first bytes who wrote it, and whoever has that name reads it (apiserver,
pkg/server/options/encryptionconfig). What is not changed keeps its words, order and neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.cksharden.node.plugins.plugin_utils.key_names import latest
from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import YamlError, load

IDENTITY = "identity"
KEYED = ("secretbox", "aescbc")
"""Providers that cksharden makes keys for; of both a key of 32 bytes is the longest."""

Entry = dict[str, Any]


class EncryptionError(ValueError):
    """A configuration is not understood, or can't be brought together with others; it names no key."""


class Key(NamedTuple):
    """A key of a provider; `secret` is base64."""

    provider: str
    name: str
    secret: str

    @property
    def beginning(self) -> str:
        """What begins each value that it has encrypted."""
        return f"k8s:enc:{self.provider}:v1:{self.name}"


def writer(text: str | None, resource: str) -> str:
    """Return what begins a value of a resource that is written now. Raises EncryptionError."""
    return next(iter(readers(text, resource)), IDENTITY)


def readers(text: str | None, resource: str) -> dict[str, Key | None]:
    """Return what begins the values that can be read, the writer's first, and the key that reads each.

    text: the configuration, None for no file. Raises EncryptionError.
    """
    found: dict[str, Key | None] = {}
    try:
        entry = _entry(_document(text)["resources"], resource)
        for provider in entry["providers"]:
            ((name, settings),) = provider.items()
            if name == IDENTITY:
                found.setdefault(IDENTITY, None)
            elif name == "kms":
                found.setdefault(f"k8s:enc:kms:{settings.get('apiVersion', 'v1')}:{settings['name']}", None)
            else:
                for one in settings["keys"]:
                    key = Key(name, str(one["name"]), str(one["secret"]))
                    found.setdefault(key.beginning, key)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_understood(error) from error
    return found


def first_round(text: str | None, resource: str, key: Key) -> str:
    """Return the configuration with a key that reads and does not write yet; text itself where it has it.

    The resource gets an entry of its own, so that the others of its entry stay as they are.
    """
    if text is not None and readers(text, resource).get(key.beginning) == key:
        return text
    document, entry = _own_entry(text, resource)
    providers = entry["providers"]
    there = _provider(providers, key.provider)
    if there is None:
        providers.insert(1, {key.provider: {"keys": [_said(key)]}})
    else:
        there["keys"].append(_said(key))
    return _text(document)


def second_round(text: str | None, resource: str, key: Key) -> str:
    """Return the configuration in which a key that it has writes, and `identity` reads last."""
    if text is not None and writer(text, resource) == key.beginning:
        return text
    document, entry = _own_entry(text, resource)
    ours = _provider(entry["providers"], key.provider)
    if ours is None or _said(key) not in ours["keys"]:
        raise EncryptionError(f"it has no key {key.name} of {key.provider}")
    ours["keys"].sort(key=lambda one: bool(one != _said(key)))
    rest = [one for one in entry["providers"] if one.get(key.provider) is not ours]
    plain = [one for one in rest if IDENTITY in one]
    entry["providers"] = [{key.provider: ours}, *(one for one in rest if one not in plain), *plain]
    return _text(document)


def third_round(text: str | None, resource: str, key: Key) -> str:
    """Return the configuration whose provider of a key has that key alone."""
    document, entry = _own_entry(text, resource)
    ours = _provider(entry["providers"], key.provider)
    if ours is None or _said(key) not in ours["keys"]:
        raise EncryptionError(f"it has no key {key.name} of {key.provider}")
    if text is not None and len(ours["keys"]) == 1:
        return text
    ours["keys"] = [_said(key)]
    return _text(document)


def known_key(texts: Mapping[str, str | None], resource: str, provider: str) -> Key | None:
    """Return the key that all hosts are to have, None where none of them has any.

    Where a rotation was cut off it is the key that came with it, else one that writes, before others.

    Args:
        texts: host -> its configuration, None where it has no file.
        resource: what is encrypted.
        provider: the one whose key is looked for where nothing writes by a key yet.

    Raises:
        EncryptionError: a configuration is not understood; or one host would write what another can't read.
    """
    known = {host: readers(text, resource) for host, text in texts.items()}
    _check_same(known)
    found = [_candidates(one, provider) for one in known.values()]
    having = [one for one in found if one]
    common = [key for key in (having[0] if having else []) if all(key in one for one in having)]
    if having and not common:
        told = "; ".join(
            f"{host} has {keys[0].name}" for host, keys in zip(known, found, strict=True) if keys
        )
        raise EncryptionError(f"there is no key that all of them have: {told}")
    writers = {next(iter(one), IDENTITY) for one in known.values()}
    newest = latest(one for host in known.values() for one, key in host.items() if key is not None)
    chosen = next((one[newest] for one in known.values() if newest in one), None) or min(
        common, key=lambda key: key.beginning not in writers, default=None
    )
    everywhere = set.intersection(*(set(one) for one in known.values())) | {IDENTITY}
    for host, one in known.items():
        wrote = next(iter(one), IDENTITY)
        if wrote not in everywhere and (chosen is None or wrote != chosen.beginning):
            lacking = ", ".join(other for other, readable in known.items() if wrote not in readable)
            raise EncryptionError(f"{host} writes {resource} as {wrote}, which {lacking} can't read")
    return chosen


def _candidates(known: dict[str, Key | None], provider: str) -> list[Key]:
    """Return the keys of which one may be everybody's: the writer's before others."""
    keys = [key for key in known.values() if key is not None and key.provider in KEYED]
    return keys if next(iter(known), IDENTITY) != IDENTITY else [k for k in keys if k.provider == provider]


def _check_same(known: dict[str, dict[str, Key | None]]) -> None:
    first: dict[str, tuple[str, Key | None]] = {}
    for host, one in known.items():
        for beginning, key in one.items():
            other, same = first.setdefault(beginning, (host, key))
            if same != key:
                raise EncryptionError(
                    f"{other} and {host} have two different keys by the name of {beginning}"
                )


def _document(text: str | None) -> dict[str, Any]:
    if text is None:
        return {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [],
        }
    try:
        data = load(text).data
    except YamlError as error:
        # Its own words may quote the line, and a line may hold a key.
        raise EncryptionError(f"it is not YAML (line {error.line})") from None
    if not isinstance(data, dict) or data.get("kind") != "EncryptionConfiguration":
        raise EncryptionError("it is no EncryptionConfiguration")
    return data


def _entry(entries: list[Entry], resource: str) -> Entry:
    """Return the entry that covers a resource of the core group, one of nothing where none does."""
    covering = {resource, "*.", "*.*"}
    found = next((entry for entry in entries if covering & set(entry["resources"])), None)
    return found or {"resources": [resource], "providers": [{IDENTITY: {}}]}


def _own_entry(text: str | None, resource: str) -> tuple[dict[str, Any], Entry]:
    """Return a document and in it the entry of one resource alone, with the providers that it has now."""
    readers(text, resource)  # raises where it is not understood
    document = _document(text)
    entries = document["resources"]
    covering = _entry(entries, resource)
    if covering["resources"] == [resource] and any(covering is one for one in entries):
        return document, covering
    at = next((number for number, one in enumerate(entries) if one is covering), len(entries))
    covering["resources"] = [one for one in covering["resources"] if one != resource]
    own = {"resources": [resource], "providers": json.loads(json.dumps(covering["providers"]))}
    entries.insert(at, own)  # before a wildcard, which would hide it
    return document, own


def _provider(providers: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((one[name] for one in providers if name in one), None)


def _said(key: Key) -> dict[str, str]:
    return {"name": key.name, "secret": key.secret}


def _text(document: dict[str, Any]) -> str:
    """Return a document as JSON, which is YAML: a node reads it without a parser of YAML."""
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _not_understood(error: Exception) -> EncryptionError:
    if isinstance(error, EncryptionError):
        return error
    return EncryptionError("it is no EncryptionConfiguration that is understood")
