# SPDX-License-Identifier: Apache-2.0
"""The files that options of a control plane name: what can be asked of each, and how one is added to. Pure.

Only what is asked is looked at; whether a component starts with a file is proved by the gate on the node.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import YamlError, load
from cksharden.kinds import document_schema as schema
from cksharden.kinds.audit_policy import audit_levels

Beside = Callable[[str], str]
"""Path -> the text of the file there, as the component has it."""


class DocumentError(ValueError):
    """The text is not a document of its format, or does not answer; the words say why."""


@dataclass(frozen=True)
class Format:
    """What a file is."""

    kind: str
    shape: type[msgspec.Struct]
    answer: Callable[[dict[str, Any], str], Any]
    """(document, question) -> a value, None where the document does not speak of it."""
    version: str = "v1"
    """The apiVersion that an example has unless it says another."""
    merged: bool = False
    """Whether what is wanted can be added to what somebody else wrote."""


def read(option: str, text: str, path: str) -> dict[str, Any]:
    """Return the document that an option names.

    Args:
        option: one of FORMATS.
        text: the file.
        path: what it is called in messages.

    Raises:
        DocumentError: it is not of its format.
    """
    wanted = FORMATS[option]
    try:
        data = load(text).data
    except YamlError as error:
        raise DocumentError(f"{path}: {error}") from error
    if not isinstance(data, dict) or data.get("kind") != wanted.kind:
        raise DocumentError(f"{path} is no {wanted.kind}")
    try:
        msgspec.convert(data, wanted.shape)
    except msgspec.ValidationError as error:
        raise DocumentError(f"{path} is no good {wanted.kind}: {error}") from error
    return data


def not_collected(path: str) -> str:
    """Refuse to read a file that a document names: for documents whose node is not at hand."""
    raise DocumentError(f"what it says lies in {path}, which was not collected")


def answer(option: str, text: str, path: str, question: str, beside: Beside = not_collected) -> Any:
    """Return what a file says, None where it does not speak of it.

    Args:
        option: one of FORMATS.
        text: the file.
        path: where it is.
        question: see FORMATS.
        beside: returns the text of another file that it names.

    Raises:
        DocumentError: it is not of its format, or does not answer.
    """
    data = read(option, text, path)
    for plugin in data.get("plugins") or ():
        other = plugin.get("path")
        if plugin["name"] == question.partition(".")[0] and other and plugin.get("configuration") is None:
            other = posixpath.join(posixpath.dirname(path), other)
            try:
                plugin["configuration"] = load(beside(other)).data
            except YamlError as error:
                raise DocumentError(f"{other}: {error}") from error
    try:
        return FORMATS[option].answer(data, question)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DocumentError(f"{path} can't be asked for {question}: {error}") from error


def _at(data: Any, path: str) -> Any:
    """Return what lies at a dotted path, `key[]` being every element of a list; None where nothing does."""
    key, _, rest = path.partition(".")
    if not isinstance(data, dict):
        raise TypeError(f"{key} is looked for in something that is no mapping")
    value = data.get(key.removesuffix("[]"))
    if value is None:
        return None
    if not key.endswith("[]"):
        return _at(value, rest) if rest else value
    return [_at(one, rest) if rest else one for one in value]


def _anonymous(data: dict[str, Any], _question: str) -> list[str] | None:
    """Return the paths that nobody has to log in for, "*" for all of them."""
    said = data.get("anonymous")
    if said is None:
        return None
    if not said.get("enabled", False):
        return []
    return [str(one["path"]) for one in said.get("conditions") or ()] or ["*"]


def _plugin(data: dict[str, Any], question: str) -> Any:
    """Return what an admission plugin is told: `PodSecurity.defaults.enforce`."""
    name, _, path = question.partition(".")
    for plugin in data.get("plugins") or ():
        if plugin.get("name") == name:
            return _at(plugin.get("configuration") or {}, path)
    return None


def _provider(data: dict[str, Any], question: str) -> str:
    """Return how a resource is written to etcd: by the first provider of the first entry that covers it.

    Source: apiserver, pkg/server/options/encryptionconfig/config.go. What no entry covers is not encrypted.
    """
    resource, _, group = question.partition(".")
    covering = {f"{resource}.{group}" if group else resource, f"*.{group}", "*.*"}
    for entry in data["resources"]:
        if covering & set(entry["resources"]):
            (name,) = entry["providers"][0].keys()
            version = (entry["providers"][0][name] or {}).get("apiVersion", "v1") if name == "kms" else "v2"
            return name if version == "v2" else f"{name} {version}"
    return "identity"


FORMATS: dict[str, Format] = {
    "admission-control-config-file": Format(
        "AdmissionConfiguration", schema.AdmissionConfiguration, _plugin, merged=True
    ),
    "audit-policy-file": Format("Policy", schema.AuditPolicy, audit_levels, "audit.k8s.io/v1"),
    "authentication-config": Format(
        "AuthenticationConfiguration", schema.AuthenticationConfiguration, _anonymous, merged=True
    ),
    "authorization-config": Format("AuthorizationConfiguration", schema.AuthorizationConfiguration, _at),
    "config": Format("KubeSchedulerConfiguration", schema.SchedulerConfiguration, _at),
    "encryption-provider-config": Format(
        "EncryptionConfiguration", schema.EncryptionConfiguration, _provider
    ),
}
"""Option that names a file -> what it is."""
