# SPDX-License-Identifier: Apache-2.0
"""Files that the kubelet's own options name, and files that need not be there."""

from __future__ import annotations

from typing import Any

import pytest

from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.file_access import FileAccess, FileAccessKind
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Status

KIND = FileAccessKind()
CONFIG = "/var/lib/kubelet/config.yaml"
OTHER = "/srv/kubelet/config.yaml"
ATTRIBUTES = {
    "exists": True,
    "error": None,
    "mode": "0644",
    "uid": 0,
    "gid": 0,
    "owner": "root",
    "group": "root",
}


def facts_of(spec: FileAccess, **kubelet: Any) -> NodeFacts:
    return KIND.example(spec, {"path": CONFIG, "kubelet": kubelet})


def test_the_file_that_the_kubelet_is_told_to_read_is_the_one_that_counts() -> None:
    spec = FileAccess(paths=[CONFIG], named_by=["--config"], max_mode="0600", absent="unknown")
    facts = facts_of(spec)
    assert KIND.judge(spec, facts).status is Status.PASS
    files = facts.section("kubelet")["files"]
    unit = files["/usr/lib/systemd/system/kubelet.service"]
    unit["text"] = unit["text"].replace(CONFIG, OTHER)
    files[OTHER] = files[CONFIG] | ATTRIBUTES
    facts = NodeFacts(facts.host, facts.sections)
    judged = KIND.judge(spec, facts)
    assert (judged.status, judged.source) == (Status.FAIL, OTHER)
    items = KIND.remedy(spec, facts)
    assert items == [{"path": OTHER, "mode": "0600", "owner": None, "group": None}]
    assert [change["path"] for change in KIND.changes(items, facts)["changes"]] == [OTHER]


def test_a_file_that_an_option_names_and_nobody_collected_is_unknown() -> None:
    spec = FileAccess(
        paths=[CONFIG], named_by=["authentication.x509.clientCAFile"], owner="root", absent="unknown"
    )
    facts = facts_of(spec, config={"authentication": {"x509": {"clientCAFile": "/srv/ca.crt"}}})
    with pytest.raises(Unknown, match=r"/srv/ca\.crt, which was not collected"):
        KIND.judge(spec, facts)


def test_what_the_kubelet_is_told_must_be_readable() -> None:
    spec = FileAccess(paths=[CONFIG], named_by=["--config"], owner="root", absent="unknown")
    with pytest.raises(Unknown, match="permission denied"):
        KIND.judge(spec, facts_of(spec, error="permission denied"))


def test_without_the_option_the_paths_count_and_say_why_there_may_be_none() -> None:
    spec = FileAccess(
        paths=["/etc/proxy.conf"],
        named_by=["--proxy"],
        owner="root",
        absent="not_applicable",
        absent_because="it is in a pod",
    )
    judged = KIND.judge(spec, facts_of(spec))
    assert (judged.status, judged.reason) == (
        Status.NOT_APPLICABLE,
        "/etc/proxy.conf does not exist: it is in a pod",
    )
    globs = FileAccess(paths=["/etc/*.conf"], owner="root", absent="pass", absent_because="it is in a pod")
    assert KIND.judge(globs, facts_of(globs)).reason == "no file matches /etc/*.conf: it is in a pod"


@pytest.mark.parametrize("absent", ["not_applicable", "pass", "unknown"])
def test_a_file_that_need_not_be_there_does_not_keep_the_others_from_being_changed(absent: Any) -> None:
    spec = FileAccess(paths=[CONFIG, OTHER], max_mode="0400", absent=absent)
    assert [item["path"] for item in KIND.remedy(spec, facts_of(spec))] == [CONFIG]


def test_a_file_that_has_to_be_there_is_not_invented() -> None:
    spec = FileAccess(paths=[CONFIG, OTHER], max_mode="0400", absent="fail")
    with pytest.raises(CannotRemedy, match="does not exist"):
        KIND.remedy(spec, facts_of(spec))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uid", "root"),
        ("mode", 384),
        ("owner", 0),
        ("exists", "yes"),
        ("parents", [{"path": "/", "uid": "root"}]),
    ],
)
def test_facts_of_another_type_are_unknown(key: str, value: object) -> None:
    spec = FileAccess(paths=[CONFIG], max_mode="0600", owner="root", parents=True, absent="unknown")
    facts = facts_of(spec)
    facts.section("files")["patterns"][CONFIG]["matches"][0][key] = value
    with pytest.raises(Unknown, match="not as they should be"):
        KIND.judge(spec, facts)


def test_a_parent_whose_owner_is_a_text_is_unknown() -> None:
    spec = FileAccess(paths=[CONFIG], parents=True, absent="unknown")
    facts = KIND.example(spec, {"path": CONFIG, "parents": {"/var": "0755"}})
    facts.section("files")["patterns"][CONFIG]["matches"][0]["parents"][0]["uid"] = "root"
    with pytest.raises(Unknown, match="uid"):
        KIND.judge(spec, facts)
