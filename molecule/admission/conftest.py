# SPDX-License-Identifier: Apache-2.0
"""What the tests before and after share: a pod whose image the worker has, and what namespaces would take."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

NOT_PULLED = ("ErrImagePull", "ImagePullBackOff")
SECONDS = 60


@pytest.fixture
def served(host: Any) -> Iterator[None]:
    """Have the registry on the worker serve for the length of a test."""
    host.check_output(
        "systemd-run --unit=registry --collect docker-registry serve /etc/docker/registry/open.yml"
    )
    host.check_output("timeout 30 sh -c 'until curl --silent localhost:5000/v2/; do sleep 0.2; done'")
    yield
    host.check_output("systemctl stop registry")


@pytest.fixture
def outcome(kubectl: Callable[..., str]) -> Iterator[Callable[[], tuple[str, str]]]:
    """Return a function that starts a pod on the worker, and returns its pull policy and whether it runs."""
    name = "pulled"

    def start() -> tuple[str, str]:
        # Were it pulled again where it need not be, it could not start without its registry.
        words = ("--image=localhost:5000/busybox:1", "--image-pull-policy=IfNotPresent", "--restart=Never")
        place = json.dumps({"spec": {"nodeName": "w1"}})
        kubectl("run", name, *words, f"--overrides={place}", "--command", "--", "sleep", "600")
        deadline = time.monotonic() + SECONDS
        while True:
            pod = json.loads(kubectl("get", "pod", name, "--output", "json"))
            (state,) = [one["state"] for one in pod["status"].get("containerStatuses", ())] or [{}]
            if "running" in state or state.get("waiting", {}).get("reason") in NOT_PULLED:
                policy = str(pod["spec"]["containers"][0]["imagePullPolicy"])
                return policy, "running" if "running" in state else "not pulled"
            assert time.monotonic() < deadline, f"after {SECONDS} s the pod is {state}"
            time.sleep(0.5)

    yield start
    kubectl("delete", "pod", name, "--now")


@pytest.fixture
def takes_privileged(control_plane: Any) -> Callable[[str], bool]:
    """Return a function that tells whether a namespace would take a privileged pod, which is not made."""
    run = partial(
        control_plane.run,
        "kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace %s run strong --image=none --privileged"
        " --dry-run=server",
    )

    def ask(namespace: str) -> bool:
        answer = run(namespace)
        assert answer.rc == 0 or "violates PodSecurity" in answer.stderr, answer.stderr
        return bool(answer.rc == 0)

    return ask
