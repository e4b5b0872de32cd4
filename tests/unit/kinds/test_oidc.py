# SPDX-License-Identifier: Apache-2.0
"""What logins by --oidc-* options become."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import Option
from cksharden.kinds.oidc import as_jwt

URL = "https://login.example.org"


def moved(*options: tuple[str, str]) -> dict[str, Any]:
    always = (("profiling", "false"), ("oidc-issuer-url", URL), ("oidc-client-id", "k8s"))
    ((one,),) = yaml.safe_load(as_jwt([Option(*each) for each in (*always, *options)])).values()
    assert one["issuer"]["audiences"] == ["k8s"]
    found: dict[str, Any] = one
    return found


@pytest.mark.parametrize(
    ("options", "username"),
    [
        ((), {"claim": "sub", "prefix": f"{URL}#"}),
        ((("oidc-username-claim", "name"),), {"claim": "name", "prefix": f"{URL}#"}),
        ((("oidc-username-claim", "email"),), {"claim": "email", "prefix": ""}),
        ((("oidc-username-prefix", "-"),), {"claim": "sub", "prefix": ""}),
        ((("oidc-username-prefix", "o:"),), {"claim": "sub", "prefix": "o:"}),
    ],
)
def test_a_user_keeps_the_name(options: tuple[tuple[str, str], ...], username: dict[str, str]) -> None:
    assert moved(*options) == {
        "issuer": {"url": URL, "audiences": ["k8s"]},
        "claimMappings": {"username": username},
    }


def test_groups_required_claims_and_the_authority_move_too() -> None:
    one = moved(
        ("oidc-groups-claim", "groups"),
        ("oidc-groups-prefix", "o:"),
        ("oidc-ca-file", "/etc/kubernetes/pki/login.crt"),
        ("oidc-required-claim", "hd=example.org"),
        ("oidc-required-claim", "tier=a=b"),
    )
    assert one["claimMappings"]["groups"] == {"claim": "groups", "prefix": "o:"}
    assert one["issuer"]["certificateAuthority"] == "(the text of /etc/kubernetes/pki/login.crt)"
    assert one["claimValidationRules"] == [
        {"claim": "hd", "requiredValue": "example.org"},
        {"claim": "tier", "requiredValue": "a=b"},
    ]
