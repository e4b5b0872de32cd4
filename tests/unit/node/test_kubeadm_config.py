# SPDX-License-Identifier: Apache-2.0
"""kubeadm-config is written only as the version that was read, and what goes is kept on the node first."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import kubeadm_config, store
from ansible_collections.cksharden.node.plugins.module_utils.node.kubeapi import Api, ApiError
from tests.unit.node.api_server import ApiServer, Call, api_server

PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"


def config_map(text: str = "a: 1\n") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "7"}, "data": {"ClusterConfiguration": text}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        running.objects[PATH] = config_map()
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    with Api(server.kubeconfig()) as connection:
        yield connection


def test_it_is_read_with_its_version(api: Api) -> None:
    assert kubeadm_config.read(api) == {"config": "read", "version": "7", "text": "a: 1\n"}


def test_the_control_planes_are_those_of_kubeadms_label(api: Api, server: ApiServer) -> None:
    path = "/api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fcontrol-plane"
    server.objects[path] = {"items": [{"metadata": {"name": name}} for name in ("cp2", "cp1")]}
    assert kubeadm_config.planes(api) == {"config": "planes", "planes": ["cp1", "cp2"]}
    server.objects[path] = {"items": None}
    with pytest.raises(ApiError, match="not understood"):
        kubeadm_config.planes(api)


def test_one_without_a_configuration_is_none(api: Api, server: ApiServer) -> None:
    server.objects[PATH] = {"metadata": {"resourceVersion": "7"}, "data": {}}
    with pytest.raises(ApiError, match="holds no ClusterConfiguration"):
        kubeadm_config.read(api)


RUN = "20261123T000000Z-000001"


def wanted(before: str, after: str, **more: str) -> dict[str, str]:
    return {"run": RUN, "version": "7", "before": before, "after": after, **more}


def test_it_is_written_as_what_was_read(api: Api, server: ApiServer, tmp_path: Path) -> None:
    assert kubeadm_config.write(api, str(tmp_path), wanted("a: 1\n", "a: 2\n")) == {"config": "written"}
    (call,) = server.calls
    assert (call.method, call.content_type) == ("PATCH", "application/merge-patch+json")
    assert call.body == config_map("a: 2\n")


@pytest.mark.parametrize(("there", "config"), [("a: 3\n", "moved"), ("a: 2\n", "written")])
def test_one_that_somebody_changed_stays(
    api: Api, server: ApiServer, tmp_path: Path, there: str, config: str
) -> None:
    def reply(call: Call) -> tuple[int, Any]:
        return (409, {"message": "moved"}) if call.method == "PATCH" else (200, config_map(there))

    server.answer = reply
    assert kubeadm_config.write(api, str(tmp_path), wanted("a: 1\n", "a: 2\n")) == {"config": config}


def test_a_refusal_is_told(api: Api, server: ApiServer, tmp_path: Path) -> None:
    server.answer = lambda _call: (403, {"message": "no"})
    with pytest.raises(ApiError, match="403: no"):
        kubeadm_config.write(api, str(tmp_path), wanted("a: 1\n", "a: 2\n"))


def test_what_goes_is_kept_before_it_is_asked_for(api: Api, server: ApiServer, tmp_path: Path) -> None:
    base = tmp_path / "base"
    told: list[Any] = []

    def reply(call: Call) -> tuple[int, Any]:
        told.append(kubeadm_config.kept(str(base), RUN))
        return 200, config_map()

    server.answer = reply
    assert kubeadm_config.kept(str(base), RUN) == {"config": "none", "known": False}
    kubeadm_config.write(api, str(base), wanted("a: 1\n", "a: 2\n"))
    assert told == [{"config": "kept", "before": "a: 1\n", "after": "a: 2\n"}]
    directory = base / RUN / "kubeadm_config"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (base, base / RUN, directory)] == [0o700] * 3
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in directory.iterdir()] == [
        ("kept.json", 0o600)
    ]
    (base / "other/static_pods").mkdir(parents=True)
    assert kubeadm_config.kept(str(base), "other") == {"config": "none", "known": True}
    # A transaction it is not: nothing waits for its end, and it goes with its run.
    assert store.kept(str(base)) == []
    store.prune(str(base), set())
    assert (base / RUN).is_dir()


def test_a_run_that_writes_twice_keeps_what_was_there_before_the_first(
    api: Api, server: ApiServer, tmp_path: Path
) -> None:
    for before, after in (("a: 1\n", "a: 2\n"), ("a: 2\n", "a: 3\n")):
        server.objects[PATH] = config_map(before)
        kubeadm_config.write(api, str(tmp_path), wanted(before, after))
    assert kubeadm_config.kept(str(tmp_path), RUN) == {
        "config": "kept",
        "before": "a: 1\n",
        "after": "a: 3\n",
    }
    kubeadm_config.write(api, str(tmp_path), wanted("b: 1\n", "b: 2\n"))  # somebody else's lies between
    assert kubeadm_config.kept(str(tmp_path), RUN)["before"] == "b: 1\n"


def test_what_can_not_be_kept_is_not_replaced(api: Api, server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "base").write_text("a file\n")
    answer = kubeadm_config.write(api, str(tmp_path / "base"), wanted("a: 1\n", "a: 2\n"))
    assert answer["config"] == "refused"
    assert server.calls == []
