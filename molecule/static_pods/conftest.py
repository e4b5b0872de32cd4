# SPDX-License-Identifier: Apache-2.0
"""What the tests before and after share: what the processes of a control plane were started with, and say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab.outside import ask

ANONYMOUS = ("/livez", "/version", "/api/v1/namespaces/kube-public/configmaps/cluster-info")


@pytest.fixture
def words(host: Any) -> Callable[[str], list[str]]:
    """Return a function that returns the command line of a component on this node."""

    def read(component: str) -> list[str]:
        return str(host.check_output("tr '\\0' '\\n' < /proc/$(pidof %s)/cmdline", component)).splitlines()

    return read


@pytest.fixture
def anonymous(address: str) -> list[int]:
    """Return the statuses that somebody without a login gets for each path of ANONYMOUS."""
    return [ask(f"https://{address}:6443{path}")[0] for path in ANONYMOUS]


@pytest.fixture
def serves_profiles(host: Any, address: str) -> bool:
    """Tell whether this node's API server hands the administrator profiles of itself."""
    words = "kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://%s:6443 get --raw /debug/pprof/"
    return bool(host.run(words, address).rc == 0)
