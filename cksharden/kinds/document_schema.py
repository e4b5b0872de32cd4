# SPDX-License-Identifier: Apache-2.0
"""The shape of the files that options name, as far as controls ask (apiserver, pkg/apis)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Texts = list[str] | None
Stages = list[Literal["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]] | None


# Of an audit policy every key counts: an API server takes one that it does not know for none, and a rule
# whose misspelt key was to limit it then fits every request.
class GroupResources(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Resources of one API group."""

    group: str = ""
    resources: Texts = None
    resource_names: Texts = None


class AuditRule(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A rule of an audit policy."""

    level: Literal["None", "Metadata", "Request", "RequestResponse"]
    users: Texts = None
    user_groups: Texts = None
    verbs: Texts = None
    resources: list[GroupResources] | None = None
    namespaces: Texts = None
    non_resource_urls: Texts = msgspec.field(default=None, name="nonResourceURLs")
    omit_stages: Stages = None
    omit_managed_fields: bool | None = None


class AuditPolicy(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """--audit-policy-file."""

    api_version: Literal["audit.k8s.io/v1"]
    kind: str
    rules: Annotated[list[AuditRule], msgspec.Meta(min_length=1)]
    metadata: dict[str, Any] | None = None
    omit_stages: Stages = None
    omit_managed_fields: bool | None = None


class Condition(msgspec.Struct):
    """Where nobody has to log in."""

    path: str


class Anonymous(msgspec.Struct):
    """What is open without a login."""

    enabled: bool = False
    conditions: list[Condition] | None = None


class AuthenticationConfiguration(msgspec.Struct):
    """--authentication-config."""

    anonymous: Anonymous | None = None


class Authorizer(msgspec.Struct):
    """One of several that are asked in turn."""

    type: str


class AuthorizationConfiguration(msgspec.Struct):
    """--authorization-config."""

    authorizers: list[Authorizer]


class Plugin(msgspec.Struct):
    """What an admission plugin is told: here, or in a file."""

    name: str
    path: str | None = None
    configuration: dict[str, Any] | None = None


class AdmissionConfiguration(msgspec.Struct):
    """--admission-control-config-file."""

    plugins: list[Plugin]


class Encrypted(msgspec.Struct):
    """Resources, and how they are written; the first provider writes."""

    resources: list[str]
    providers: list[dict[str, Any]]


class EncryptionConfiguration(msgspec.Struct):
    """--encryption-provider-config."""

    resources: list[Encrypted]


class SchedulerConfiguration(msgspec.Struct):
    """--config of the scheduler."""
