# SPDX-License-Identifier: Apache-2.0
"""What the --oidc-* options of an API server say, in the words of an AuthenticationConfiguration. Pure.

As the API server itself understands them (kubernetes, pkg/kubeapiserver/options/authentication.go).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Option

PREFIX = "oidc-"


def as_jwt(options: Sequence[Option]) -> str:
    """Return the `jwt` of the file, as one line of YAML, that does what the options do.

    Two things no line can say: the text of --oidc-ca-file, which it names instead, and
    --oidc-signing-algs, in place of which the file allows every algorithm.
    """
    given = {one.name.removeprefix(PREFIX): one.value for one in options if one.name.startswith(PREFIX)}
    url = given.get("issuer-url", "")
    issuer: dict[str, Any] = {"url": url, "audiences": [given.get("client-id", "")]}
    if given.get("ca-file"):
        issuer["certificateAuthority"] = f"(the text of {given['ca-file']})"
    claim = given.get("username-claim") or "sub"
    # What tells these users from others unless the option says otherwise; "-" is none.
    prefix = given.get("username-prefix") or ("" if claim == "email" else f"{url}#")
    mappings = {"username": {"claim": claim, "prefix": "" if prefix == "-" else prefix}}
    if given.get("groups-claim"):
        mappings["groups"] = {"claim": given["groups-claim"], "prefix": given.get("groups-prefix", "")}
    one: dict[str, Any] = {"issuer": issuer, "claimMappings": mappings}
    required = [each.value.partition("=") for each in options if each.name == f"{PREFIX}required-claim"]
    if required:
        one["claimValidationRules"] = [{"claim": name, "requiredValue": value} for name, _, value in required]
    return f"jwt: {json.dumps([one])}"
