# SPDX-License-Identifier: Apache-2.0
"""The Lease that keeps runs apart, over real TLS: exactly one has it, and nobody's but the named one goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import cluster_lock, kubeapi
from ansible_collections.cksharden.node.plugins.module_utils.node.cluster_lock import give_back, look, take
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import Api, ApiError
from tests.unit.node.api_server import ApiServer, Call, api_server
from tests.unit.node.fake_leases import LEASE, FakeLeases, status

RUN, OTHER = "20261123T132000Z-1a2b3c", "20261123T140000Z-4d5e6f"


def holder(run: str = RUN, pid: int = 4711) -> dict[str, Any]:
    where = {"host": "desk", "machine": "m", "boot": "b", "namespace": "pid:[1]"}
    return {"run": run, **where, "pid": pid, "start": 99}


@pytest.fixture
def leases() -> FakeLeases:
    return FakeLeases()


@pytest.fixture
def server(tmp_path: Path, leases: FakeLeases) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        running.answer = leases
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    with Api(server.kubeconfig()) as opened:
        yield opened


@pytest.fixture
def own(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control plane whose own server is asked, whatever server its kubeconfig names."""
    monkeypatch.setattr(kubeapi, "ADMIN", server.kubeconfig(server="https://127.0.0.1:1"))
    monkeypatch.setattr(kubeapi, "own_server", lambda: server.url)


def test_one_has_it_and_the_other_is_told_who(api: Api) -> None:
    assert take(api, holder()) == {"lock": "taken"}
    held = take(api, holder(OTHER))
    since = held["holder"].pop("since")
    assert since.endswith("Z")
    assert (held["lock"], held["holder"]) == ("held", holder())
    assert look(api)["holder"] == {**holder(), "since": since}


def test_the_lease_never_expires_and_says_its_run_to_kubectl(api: Api, leases: FakeLeases) -> None:
    take(api, holder())
    assert leases.lease is not None
    assert "leaseDurationSeconds" not in leases.lease["spec"]
    assert leases.lease["spec"]["holderIdentity"] == RUN


def test_of_many_at_once_exactly_one_takes_it(server: ApiServer) -> None:
    answers: list[str] = []
    together = threading.Barrier(8)

    def run(number: int) -> None:
        with Api(server.kubeconfig(f"{number}.conf")) as own:
            together.wait()
            answers.append(take(own, holder(f"run-{number}"))["lock"])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["held"] * 7 + ["taken"]


def test_of_two_that_take_it_over_exactly_one_does(api: Api) -> None:
    take(api, holder("dead"))
    version = look(api)["version"]
    assert take(api, holder(), version) == {"lock": "taken"}
    late = take(api, holder(OTHER), version)
    assert (late["lock"], late["holder"]["run"]) == ("held", RUN)


def test_an_answer_that_was_lost_is_made_up_for(api: Api) -> None:
    take(api, holder())
    assert take(api, holder()) == {"lock": "taken"}
    assert take(api, holder(pid=4712))["lock"] == "held", "another process of that run is another holder"


def test_what_goes_meanwhile_is_asked_for_again(api: Api, leases: FakeLeases) -> None:
    take(api, holder(OTHER))

    def gone(call: Call) -> None:
        if call.method == "GET":
            leases.lease = None

    leases.before = gone
    assert take(api, holder()) == {"lock": "taken"}


def test_only_the_named_run_loses_it(api: Api, leases: FakeLeases) -> None:
    assert give_back(api, RUN) == {"lock": "absent"}
    take(api, holder(OTHER))
    kept = give_back(api, RUN)
    assert (kept["lock"], kept["holder"]["run"]) == ("held", OTHER)
    assert leases.lease is not None
    assert give_back(api, OTHER)["lock"] == "removed"
    assert look(api) == {"lock": "absent"}


def test_a_lease_that_changed_hands_since_it_was_read_stays(api: Api, leases: FakeLeases) -> None:
    take(api, holder())

    def changes_hands(call: Call) -> None:
        if call.method == "DELETE" and leases.lease and leases.lease["spec"]["holderIdentity"] == RUN:
            leases.lease = None
            leases(Call("POST", LEASE.rpartition("/")[0], cluster_lock._lease(holder(OTHER)), None))

    leases.before = changes_hands
    assert give_back(api, RUN)["holder"]["run"] == OTHER
    assert leases.lease is not None


@pytest.mark.parametrize("annotations", [None, {}, {"cksharden-holder": "{"}, {"cksharden-holder": "[]"}])
def test_a_lease_of_somebody_else_is_held_by_whom_it_names(
    api: Api, leases: FakeLeases, annotations: dict[str, str] | None
) -> None:
    metadata = {"name": "cksharden", "annotations": annotations, "uid": "u", "resourceVersion": "1"}
    leases.lease = {"metadata": metadata, "spec": {"holderIdentity": "somebody"}}
    held = take(api, holder())
    assert (held["lock"], held["holder"]["run"], held["holder"]["pid"]) == ("held", "somebody", 0)


def test_what_the_server_refuses_is_no_answer(own: None, server: ApiServer) -> None:
    server.answer = lambda call: (403, status("Forbidden"))
    for payload in ({"do": "take", "holder": holder()}, {"do": "give_back", "run": RUN}, {"do": "look"}):
        assert "answered with 403: leases: Forbidden" in cluster_lock.main(payload)["reason"]


def test_a_delete_that_is_always_late_ends(api: Api, server: ApiServer, leases: FakeLeases) -> None:
    take(api, holder(OTHER))
    server.answer = lambda call: leases(call) if call.method == "GET" else (409, status("Conflict"))
    with pytest.raises(ApiError, match="changed 5 times"):
        give_back(api, OTHER)


def test_an_endless_change_of_hands_ends(api: Api, server: ApiServer) -> None:
    answers = {"POST": (409, status("AlreadyExists")), "GET": (404, status("NotFound"))}
    server.answer = lambda call: answers[call.method]
    with pytest.raises(ApiError, match="changed 5 times"):
        take(api, holder())


def test_the_entry_point_takes_and_gives_back(own: None) -> None:
    assert cluster_lock.main({"do": "take", "holder": holder()}) == {"lock": "taken"}
    assert cluster_lock.main({"do": "look"})["lock"] == "held"
    assert cluster_lock.main({"do": "give_back", "run": RUN})["lock"] == "removed"
