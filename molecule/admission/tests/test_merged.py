# SPDX-License-Identifier: Apache-2.0
"""What the API server's admission plugins were told before still holds, beside what was added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from lab.testing import over_ssh

testinfra_hosts = over_ssh("cp1")


@pytest.fixture
def told(host: Any) -> dict[str, Any]:
    """Return what each admission plugin is told by the file that the live process names."""
    words = str(host.check_output("tr '\\0' '\\n' < /proc/$(pidof kube-apiserver)/cmdline")).splitlines()
    option = "--admission-control-config-file="
    (path,) = [word.removeprefix(option) for word in words if word.startswith(option)]
    plugins = yaml.safe_load(host.file(path).content_string)["plugins"]
    return {plugin["name"]: plugin["configuration"] for plugin in plugins}


def test_namespaces_without_a_label_take_no_privileged_pods(takes_privileged: Callable[[str], bool]) -> None:
    assert not takes_privileged("others")


def test_who_was_exempt_still_is(takes_privileged: Callable[[str], bool]) -> None:
    assert takes_privileged("team")
    assert takes_privileged("kube-system")


def test_what_was_said_is_said(told: dict[str, Any]) -> None:
    assert told["PodSecurity"]["defaults"]["audit"] == "restricted"
    limits = {one["type"]: one["qps"] for one in told["EventRateLimit"]["limits"]}
    assert limits == {"Namespace": 7, "Server": 5000}
