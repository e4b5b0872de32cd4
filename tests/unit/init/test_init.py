# SPDX-License-Identifier: Apache-2.0
"""An inventory from the names of a few nodes: what is written is what cksharden reads, and nothing else gets in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import load
from cksharden import init as maker
from cksharden.catalog import load_controls
from cksharden.cli.init import _told
from cksharden.cli.main import run
from cksharden.errors import UsageError
from cksharden.facts import NodeFacts, Unknown
from cksharden.init import Made
from cksharden.init_files import Member, write
from cksharden.init_source import hosts_of
from cksharden.policy_files import select
from cksharden.runner import Connection
from cksharden.waivers import load as load_waivers

CP1 = Member("cp1", "192.0.2.11", control_plane=True, node="cp1", reached=True)
W1 = Member("w1", "192.0.2.21", node="w1")


def section(**data: Any) -> dict[str, Any]:
    return {"schema": "1.0", "status": "ok", "reason": "", "data": data}


def facts(name: str, *nodes: dict[str, Any]) -> NodeFacts:
    sections = {
        "kubelet": section(node_name=name),
        "node": section(kind="control_plane" if nodes else "worker"),
    }
    return NodeFacts(name, sections | ({"cluster": section(nodes=list(nodes))} if nodes else {}))


def node(name: str, address: str | None = "192.0.2.1", *, control_plane: bool = False) -> dict[str, Any]:
    return {"name": name, "uid": "u", "ready": True, "control_plane": control_plane, "address": address}


def test_what_is_written_is_an_inventory_with_a_profile_and_waivers(tmp_path: Path) -> None:
    files = write(tmp_path / "Prod 1", (CP1, W1), Connection(user="admin", private_key="/home/a b/key"))
    assert [str(file.relative_to(tmp_path)) for file in files] == [
        "Prod 1/hosts.yml",
        "Prod 1/group_vars/all.yml",
        "Prod 1/profile.yml",
        "Prod 1/waivers.yml",
    ]
    hosts, variables = (load(file.read_text()).data for file in files[:2])
    assert hosts == {
        "all": {
            "children": {
                "kube_control_plane": {"hosts": {"cp1": {"ansible_host": "192.0.2.11"}}},
                "etcd": {"children": {"kube_control_plane": None}},
                "kube_node": {"hosts": {"w1": {"ansible_host": "192.0.2.21"}}},
            }
        }
    }
    assert variables == {"ansible_user": "admin", "ansible_ssh_private_key_file": "/home/a b/key"}
    controls = load_controls()
    assert select(controls, str(files[2])).controls == select(controls, "cks").controls
    assert load_waivers(files[3].parent, [one.control.id for one in controls]).waivers == ()


@pytest.mark.parametrize("name", ["profile.yml", "waivers.yml"])
def test_the_examples_in_the_comments_are_right(name: str, tmp_path: Path) -> None:
    """Every comment that is code works once its # is taken away."""
    files = write(tmp_path / "own", (CP1, W1), Connection())
    (file,) = (one for one in files if one.name == name)
    lines = file.read_text().replace("waivers: []", "waivers:").splitlines()
    file.write_text("\n".join(_uncommented(line) for line in lines))
    controls = load_controls()
    if name == "profile.yml":
        selection = select(controls, str(file))
        selection.check({"kube_node": ["w1"]})
        assert selection.controls != select(controls, "cks").controls
    else:
        waivers = load_waivers(file.parent, [one.control.id for one in controls])
        waivers.check({"kube_node": ["w1"]})
        assert len(waivers.waivers) == 1


def _uncommented(line: str) -> str:
    is_code = (
        line.startswith("# ")
        and ":" in line
        and not line.rstrip().endswith(("one.", "here:", "own:", "hosts.yml:"))
    )
    return line[2:] if is_code and line[2:3] != "W" else line


def test_without_workers_or_control_planes_it_is_still_an_inventory(tmp_path: Path) -> None:
    for place, members in (("a", (CP1,)), ("b", (W1,))):
        hosts = load(write(tmp_path / place, members, Connection())[0].read_text()).data
        assert set(hosts["all"]["children"]) == {"kube_control_plane", "etcd", "kube_node"}


@pytest.mark.parametrize(
    "text", ["no", "1234", "12e3", "192.0.2.1", "2001:db8::1", "a b", "~", "x: y", "null"]
)
def test_no_value_becomes_something_else(text: str, tmp_path: Path) -> None:
    written = write(tmp_path / "own", (Member(text, text, user=text),), Connection(user=text))
    hosts, variables = (load(file.read_text()).data for file in written[:2])
    assert hosts["all"]["children"]["kube_node"]["hosts"] == {
        text: {"ansible_host": text, "ansible_user": text}
    }
    assert variables["ansible_user"] == text


def test_a_control_plane_tells_the_others() -> None:
    told = maker._cluster_nodes({"cp1": facts("cp1", node("cp1", control_plane=True), node("w1"))})
    assert [(one.name, one.control_plane, one.address, teller) for one, teller in told] == [
        ("cp1", True, "192.0.2.1", "cp1"),
        ("w1", False, "192.0.2.1", "cp1"),
    ]
    assert maker._cluster_nodes({"w1": facts("w1")}) == []


def gathered(
    *named: Member, troubles: dict[str, str], **answers: NodeFacts
) -> tuple[dict[str, Member], dict[str, str]]:
    members, told = maker._members({one.name: one for one in named}, answers, troubles)
    assert len({one.name for one in members}) == len(members)
    return {one.name: one for one in members}, told


def test_a_node_that_was_named_and_did_not_answer_stays_as_it_was_named() -> None:
    cp1 = facts("cp1", node("cp1", control_plane=True), node("w1"), node("w2"))
    members, told = gathered(Member("cp1"), Member("w1", user="ops"), troubles={"w1": "unreachable"}, cp1=cp1)
    assert members["w1"].variables() == {"ansible_user": "ops"}
    assert members["w2"].variables() == {"ansible_host": "192.0.2.1"}
    assert [one.reached for one in members.values()] == [True, False, False]
    assert told == {"w1": "unreachable"}


def test_a_node_that_nobody_named_is_reached_as_the_host_that_told_of_it() -> None:
    others = {"ansible_connection": "local", "ansible_python_interpreter": "/opt/python"}
    jump = {"ansible_ssh_common_args": "-J bastion", "ansible_become_method": "doas"}
    cp1 = Member(
        "192.0.2.11", "192.0.2.11", user="admin", port=2222, more={"ansible_host": "a", **jump, **others}
    )
    told = maker._members({"192.0.2.11": cp1}, {"192.0.2.11": facts("cp1", node("w1"))}, {})
    (_, w1), troubles = told
    assert w1.variables() == {
        "ansible_host": "192.0.2.1",
        "ansible_user": "admin",
        "ansible_port": 2222,
        **jump,
    }
    assert not troubles


def test_a_node_that_can_not_name_itself_is_a_trouble_with_its_reason(tmp_path: Path) -> None:
    broken = {"schema": "1.0", "status": "failed", "reason": "it took too long", "data": None}
    brought = {"format": "cksharden-facts", "schema": "1.1", "host": "w1", "groups": []}
    sections = facts("w1").sections | {"kubelet": broken}
    (tmp_path / "w1.json").write_text(json.dumps({**brought, "sections": sections}))
    with pytest.raises(Unknown, match="kubelet: it took too long"):
        maker._node("w1", tmp_path / "w1.json")


def test_what_is_told_of_nodes_that_were_not_asked(tmp_path: Path) -> None:
    made = Made((CP1, W1), {}, (tmp_path / "hosts.yml",))
    assert "not asked yet: w1\n  at its addresses; take ansible_host out" in _told(made, tmp_path, "")
    by_name = Made((CP1, Member("w1", node="w1")), {}, ())
    assert "addresses" not in _told(by_name, tmp_path, "")


def test_a_node_that_was_named_twice_is_there_once() -> None:
    members, told = gathered(Member("one"), Member("two"), troubles={}, one=facts("w1"), two=facts("w1"))
    assert list(members) == ["one"]
    assert told == {"two": "its node w1 is there already, as one"}


def test_an_alias_that_is_the_name_of_another_node() -> None:
    cp1 = facts("cp1", node("cp1", control_plane=True), node("w1"))
    members, told = gathered(Member("w1"), troubles={}, w1=cp1)
    assert list(members) == ["w1"]
    assert "two nodes" in told["w1"]


@pytest.mark.parametrize("evil", ["{{ lookup('pipe', 'x') }}", "a\nb", "W1", "-x", "", "a" * 300, "é"])
def test_no_text_of_a_node_gets_into_the_inventory(evil: str) -> None:
    told = maker._cluster_nodes({"cp1": facts("cp1", node(evil), node("w1", evil), node("w2", None))})
    assert [(one.name, one.address) for one, _ in told] == [("w1", None), ("w2", None)]
    member = maker._member(Member("192.0.2.11", "192.0.2.11"), facts(evil))
    assert member.name == "192.0.2.11"


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("cp1", Member("cp1")),
        ("admin@cp1.example.org:2222", Member("cp1.example.org", user="admin", port=2222)),
        ("192.0.2.11", Member("192.0.2.11", "192.0.2.11")),
        ("root@[2001:db8::1]:22", Member("2001:db8::1", "2001:db8::1", user="root", port=22)),
    ],
)
def test_a_host_is_named_as_to_ssh(text: str, member: Member) -> None:
    assert list(maker._named([text]).values()) == [member]


@pytest.mark.parametrize("texts", [["{{ x }}"], ["a b"], [""], ["a@b@c"], ["cp1:port"], ["cp1", "admin@cp1"]])
def test_what_is_no_host_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        maker._named(texts)
    assert raised.value.key == "--host"


@pytest.mark.parametrize("kind", ["file", "full"])
def test_nothing_is_overwritten(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "inventory"
    if kind == "full":
        there.mkdir()
        (there / "hosts.yml").write_text("mine")
    else:
        there.write_text("mine")
    assert run(["init", str(there), "--host", "cp1"]) == 2
    assert "overwrites nothing" in capsys.readouterr().err


def test_where_no_host_answers_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["init", str(tmp_path / "own"), "--host", "127.0.0.1:9", "--host", "nowhere.invalid", "--quiet"]
    assert run(words) == 3
    said = capsys.readouterr().err
    assert "127.0.0.1: unreachable" in said
    assert "nowhere.invalid: unreachable" in said
    assert not (tmp_path / "own").exists()


def test_a_host_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "somewhere"]) == 2
    assert "--host" in capsys.readouterr().err


def test_variables_of_a_member_are_those_that_are_known() -> None:
    assert json.loads(json.dumps(Member("a", user="u", port=22).variables())) == {
        "ansible_user": "u",
        "ansible_port": 22,
    }


INVENTORY = """
[masters]
m1 ansible_host=192.0.2.11 ansible_user=admin ansible_port=2222
[masters:vars]
ansible_become_password=geheim
ansible_ssh_private_key_file={{ keys }}/id
ansible_python_interpreter=/usr/bin/python3
ntp_server=192.0.2.1
[nodes]
n1
"""


def test_the_hosts_of_another_inventory_bring_how_they_are_reached_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(INVENTORY)
    members = hosts_of(tmp_path / "hosts", Connection())
    assert members["m1"].variables() == {
        "ansible_host": "192.0.2.11",
        "ansible_user": "admin",
        "ansible_port": 2222,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    assert members["n1"].variables() == {}
    text = write(tmp_path / "own", list(members.values()), Connection())[0].read_text()
    assert load(text).data["all"]["children"]["kube_node"]["hosts"]["m1"] == members["m1"].variables()
    assert "geheim" not in text


@pytest.mark.parametrize(
    ("text", "says"), [("", "no hosts"), ("all: [", "hosts.yml"), (None, "no such inventory")]
)
def test_another_inventory_that_can_not_be_used(
    text: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "hosts.yml").write_text(text)
    assert run(["init", str(tmp_path / "own"), "--from", str(tmp_path / "hosts.yml"), "--quiet"]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "own").exists()
