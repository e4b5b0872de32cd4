# SPDX-License-Identifier: Apache-2.0
"""Files that options name: what they say, whether the process has them, and what is written."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from cksharden.catalog import load_controls
from cksharden.facts import NodeFacts
from cksharden.kinds.control_plane_file import ControlPlaneFileKind, together
from cksharden.kinds.control_plane_spec import ControlPlaneFile
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Judgement, Status
from cksharden.policy import tuned
from cksharden.static_pod_facts import Loaded, StaticPods

KIND = ControlPlaneFileKind()
SPECS = {one.control.id: one.spec for one in load_controls() if isinstance(one.spec, ControlPlaneFile)}
ANONYMOUS: ControlPlaneFile = SPECS["apiserver_anonymous_auth"]
LIMITS: ControlPlaneFile = SPECS["apiserver_event_rate_limits"]
POD_SECURITY: ControlPlaneFile = SPECS["apiserver_pod_security_defaults"]
AUDIT: ControlPlaneFile = SPECS["apiserver_audit_policy"]
PATH = "/etc/kubernetes/cksharden/authentication-config.yaml"
OPEN: dict[str, Any] = {"document": {"anonymous": {"enabled": True}}}
SHUT: dict[str, Any] = {"document": {"anonymous": {"enabled": False}}}


def judged(spec: ControlPlaneFile, **example: Any) -> Judgement:
    return KIND.judge(spec, KIND.example(spec, example))


def remedied(spec: ControlPlaneFile, **example: Any) -> list[dict[str, Any]]:
    return KIND.remedy(spec, KIND.example(spec, example))


def with_loaded(facts: NodeFacts, current: bool | None) -> NodeFacts:
    pods = msgspec.convert(facts.section("static_pods"), StaticPods)
    pods = replace(pods, loaded={"authentication": Loaded("sha256:0", PATH, current)})
    section = {"schema": "1.0", "status": "ok", "reason": "", "data": msgspec.to_builtins(pods)}
    return NodeFacts(facts.host, facts.sections | {"static_pods": section})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"option": "profiling"}, "option: use one of"),
        ({"of": None}, "ask something of the file"),
        ({"write": {"name": "a", "content": "kind: Pod"}}, "no AuthenticationConfiguration"),
        (
            {
                "write": {
                    "name": "a",
                    "content": "{kind: AuthenticationConfiguration, anonymous: {enabled: true}}",
                }
            },
            "does not meet",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], message: str) -> None:
    said = msgspec.to_builtins(ANONYMOUS) | changed
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({key: value for key, value in said.items() if value is not None}, ControlPlaneFile)


def test_all_that_is_asked_has_to_hold() -> None:
    rules = [{"level": "None", "verbs": ["delete"]}, {"level": "Request"}]
    found = judged(SPECS["apiserver_audit_writes"], document={"rules": rules})
    assert found.status is Status.FAIL
    assert found.reason.startswith("delete pods in ")


def test_what_the_file_does_not_say_its_option_says() -> None:
    assert judged(ANONYMOUS, document={"jwt": []}).reason.startswith("--anonymous-auth is not set")
    assert judged(ANONYMOUS, document={"jwt": []}, options={"anonymous-auth": "false"}).status is Status.PASS


@pytest.mark.parametrize(
    ("current", "newer", "status"),
    [
        (True, True, Status.PASS),
        (False, False, Status.UNKNOWN),
        (None, True, Status.UNKNOWN),
        (None, False, Status.PASS),
    ],
)
def test_a_process_says_itself_what_it_has_read_else_the_times_do(
    current: bool | None, newer: bool, status: Status
) -> None:
    facts = with_loaded(KIND.example(ANONYMOUS, SHUT | {"newer": newer}), current)
    assert KIND.judge(ANONYMOUS, facts).items[1].status is status


def test_a_mode_counts_beside_the_facets() -> None:
    spec = SPECS["apiserver_encryption_at_rest"]
    rules: dict[str, Any] = {"resources": [{"resources": ["secrets"], "providers": [{"identity": {}}]}]}
    found = judged(spec, document=rules, mode="0640")
    assert [item.status for item in found.items] == [Status.PASS] * 3 + [Status.FAIL]
    assert "0640" in found.reason


def test_a_new_file_has_its_digest_in_its_name_and_is_mounted() -> None:
    (item,) = remedied(ANONYMOUS, mounted=False)
    (file,) = item["files"]
    digest = hashlib.sha256(file["content"].encode()).hexdigest()[:12]
    assert item["value"] == file["path"] == f"/etc/kubernetes/cksharden/authentication-{digest}.yaml"
    assert [mount["path"] for mount in item["mounts"]] == ["/etc/kubernetes/cksharden"]
    assert remedied(ANONYMOUS)[0]["mounts"] == []


def test_the_option_that_the_file_replaces_goes_in_the_same_step() -> None:
    items = remedied(ANONYMOUS, options={"anonymous-auth": "true"})
    assert [(item["option"], item["value"] is None) for item in items] == [
        ("authentication-config", False),
        ("anonymous-auth", True),
    ]


def test_a_profile_says_which_paths_need_no_login_and_what_is_written_for_it() -> None:
    one = next(one for one in load_controls() if one.spec == ANONYMOUS)
    join = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    content = yaml.safe_load(one.control.with_["write"]["content"])
    content["anonymous"]["conditions"].remove({"path": join})
    fewer = {"subset_of": [path for path in one.control.with_["subset_of"] if path != join]}
    write = {"write": {"name": "authentication", "content": yaml.safe_dump(content)}}
    (item,) = remedied(tuned(one, fewer | write).spec)
    assert join not in item["files"][0]["content"]
    with pytest.raises(msgspec.ValidationError, match="write: what it says of anonymous does not meet"):
        tuned(one, fewer)


def test_beside_options_that_keep_it_from_starting_nothing_is_written() -> None:
    with pytest.raises(CannotRemedy, match="--oidc-issuer-url beside --authentication-config") as refused:
        remedied(ANONYMOUS, options={"oidc-issuer-url": "https://example.org", "oidc-client-id": "k8s"})
    assert 'as jwt: [{"issuer": {"url": "https://example.org", "audiences": ["k8s"]}' in str(refused.value)


def test_what_is_there_stays() -> None:
    jwt = [{"issuer": {"url": "https://example.org", "audiences": ["a"]}}]
    (item,) = remedied(ANONYMOUS, document={"jwt": jwt, "anonymous": {"enabled": True}})
    written = yaml.safe_load(item["files"][0]["content"])
    assert written["jwt"] == jwt
    assert [one["path"] for one in written["anonymous"]["conditions"]][:2] == ["/livez", "/readyz"]


def test_other_plugins_stay_and_find_their_files_from_the_new_place() -> None:
    pod_security = {"name": "PodSecurity", "configuration": {"defaults": {"enforce": "baseline"}}}
    webhook = {"name": "ImagePolicyWebhook", "path": "webhook.yaml"}
    (item,) = remedied(LIMITS, document={"plugins": [pod_security, webhook]})
    plugins = yaml.safe_load(item["files"][0]["content"])["plugins"]
    assert plugins[0] == pod_security
    assert plugins[1]["path"] == "/etc/kubernetes/cksharden/webhook.yaml"
    assert plugins[2]["name"] == "EventRateLimit"


def test_an_own_audit_policy_is_not_touched() -> None:
    with pytest.raises(CannotRemedy, match="mount its directory first"):
        remedied(AUDIT, document={"rules": []}, mounted=False)
    (item,) = remedied(
        AUDIT, document={"rules": [{"level": "Metadata"}]}, rendered={"audit-policy-file": None}
    )
    assert item["value"] == "/etc/kubernetes/cksharden/audit-policy-file.yaml"
    assert [mount["path"] for mount in item["mounts"]] == ["/etc/kubernetes/cksharden"]
    assert "files" not in item
    asking = replace(SPECS["apiserver_audit_secrets"], write=AUDIT.write)
    with pytest.raises(CannotRemedy, match="somebody's own"):
        remedied(asking, document={"rules": [{"level": "Request"}]})


def test_what_an_admission_plugin_is_told_stays_as_far_as_it_may() -> None:
    limits = [
        {"type": "User", "qps": 1, "burst": 2},
        {"type": "Namespace", "qps": 3, "burst": 4, "cacheSize": 5},
    ]
    defaults = {"enforce": "privileged", "audit": "restricted"}
    exempt = {"namespaces": ["storage"]}
    plugins = [
        {"name": "EventRateLimit", "configuration": {"limits": limits}},
        {"name": "PodSecurity", "configuration": {"defaults": defaults, "exemptions": exempt}},
    ]
    written = told(remedied(LIMITS, document={"plugins": plugins}))
    assert written["EventRateLimit"]["limits"][:2] == limits
    assert [one["type"] for one in written["EventRateLimit"]["limits"]] == ["User", "Namespace", "Server"]
    assert written["PodSecurity"] == plugins[1]["configuration"]
    written = told(remedied(POD_SECURITY, document={"plugins": plugins}))
    assert written["EventRateLimit"] == plugins[0]["configuration"]
    assert written["PodSecurity"]["defaults"] == defaults | {
        "enforce": "baseline",
        "enforce-version": "latest",
    }
    assert written["PodSecurity"]["exemptions"] == {"namespaces": ["storage", "kube-system"]}


def beside(limit: str) -> dict[str, Any]:
    """Return an example whose plugin EventRateLimit is told its limits in a file beside its own."""
    return {
        "document": {"plugins": [{"name": "EventRateLimit", "path": "limits.yaml"}]},
        "files": {
            "/etc/kubernetes/cksharden/limits.yaml": {"limits": [{"type": limit, "qps": 1, "burst": 2}]}
        },
    }


def test_what_a_plugin_is_told_in_another_file_is_judged_and_kept() -> None:
    assert judged(LIMITS, **beside("Server")).status is Status.PASS
    assert judged(LIMITS, **beside("Server"), newer=True).items[1].status is Status.UNKNOWN
    assert judged(LIMITS, **beside("User")).status is Status.FAIL
    limits = told(remedied(LIMITS, **beside("User")))["EventRateLimit"]["limits"]
    assert limits[0] == {"type": "User", "qps": 1, "burst": 2}
    assert [one["type"] for one in limits] == ["User", "Server", "Namespace"]
    plugins = yaml.safe_load(remedied(POD_SECURITY, **beside("Server"))[0]["files"][0]["content"])["plugins"]
    assert plugins[0] == {"name": "EventRateLimit", "path": "/etc/kubernetes/cksharden/limits.yaml"}


def test_what_an_upgrade_would_not_mount_goes_along() -> None:
    webhook = {"name": "ImagePolicyWebhook", "path": "/etc/kubernetes/cksharden/webhook.yaml"}
    facts = KIND.example(LIMITS, {"document": {"plugins": [webhook]}})
    later = KIND.example(LIMITS, {"mounted": False})
    facts = NodeFacts(facts.host, facts.sections | {"rendered": later.sections["rendered"]})
    (item,) = KIND.remedy(LIMITS, facts)
    assert [mount["path"] for mount in item["mounts"]] == ["/etc/kubernetes/cksharden"]
    assert remedied(LIMITS, document={"plugins": [webhook]})[0]["mounts"] == []


@pytest.mark.parametrize("example", [{}, {"document": {"plugins": []}}, beside("User")])
def test_two_controls_that_write_one_file_write_it_once(example: dict[str, Any]) -> None:
    facts = KIND.example(LIMITS, example)
    one, two = KIND.remedy(LIMITS, facts)[0], KIND.remedy(POD_SECURITY, facts)[0]
    assert one["value"] != two["value"]
    other = {"component": "kube-apiserver", "option": "profiling", "value": "false"}
    joined = together([one, other, two], facts)
    assert joined[1] is other
    assert joined[0] == joined[2]
    assert joined[0]["value"] == joined[0]["files"][0]["path"]
    written = yaml.safe_dump(yaml.safe_load(joined[0]["files"][0]["content"]))
    assert LIMITS.met_by(written)
    assert POD_SECURITY.met_by(written)


def test_two_controls_that_contradict_each_other_stay_two() -> None:
    strict = msgspec.to_builtins(POD_SECURITY)
    strict["write"]["content"] = strict["write"]["content"].replace("baseline", "restricted")
    facts = KIND.example(LIMITS, {})
    items = KIND.remedy(POD_SECURITY, facts) + KIND.remedy(msgspec.convert(strict, ControlPlaneFile), facts)
    assert together(items, facts) == items


def test_what_is_written_meets_every_control_that_asks_that_file() -> None:
    for writing in SPECS.values():
        if writing.write is None:
            continue
        document = yaml.safe_load(writing.write.content)
        for asking in SPECS.values():
            if asking.option == writing.option != LIMITS.option:
                assert judged(asking, document=document).status is Status.PASS


def told(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the file of the first item tells each admission plugin."""
    document = yaml.safe_load(items[0]["files"][0]["content"])
    return {plugin["name"]: plugin["configuration"] for plugin in document["plugins"]}
