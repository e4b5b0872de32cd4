# SPDX-License-Identifier: Apache-2.0
"""kubeadm-config is written only as the version that was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node import kubeadm_config
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


def test_one_without_a_configuration_is_none(api: Api, server: ApiServer) -> None:
    server.objects[PATH] = {"metadata": {"resourceVersion": "7"}, "data": {}}
    with pytest.raises(ApiError, match="holds no ClusterConfiguration"):
        kubeadm_config.read(api)


def test_it_is_written_as_what_was_read(api: Api, server: ApiServer) -> None:
    assert kubeadm_config.write(api, "7", "a: 2\n") == {"config": "written"}
    (call,) = server.calls
    assert (call.method, call.content_type) == ("PATCH", "application/merge-patch+json")
    assert call.body == config_map("a: 2\n")


@pytest.mark.parametrize(("there", "config"), [("a: 3\n", "moved"), ("a: 2\n", "written")])
def test_one_that_somebody_changed_stays(api: Api, server: ApiServer, there: str, config: str) -> None:
    def reply(call: Call) -> tuple[int, Any]:
        return (409, {"message": "moved"}) if call.method == "PATCH" else (200, config_map(there))

    server.answer = reply
    assert kubeadm_config.write(api, "7", "a: 2\n") == {"config": config}


def test_a_refusal_is_told(api: Api, server: ApiServer) -> None:
    server.answer = lambda _call: (403, {"message": "no"})
    with pytest.raises(ApiError, match="403: no"):
        kubeadm_config.write(api, "7", "a: 2\n")
