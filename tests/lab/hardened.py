# SPDX-License-Identifier: Apache-2.0
"""What a hardened control plane does: who learns what of it, what it writes down, what it stores."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from lab import testing
from lab.kubeadm import ignored_preflight_errors
from lab.network import connect_pods
from lab.outside import ask
from lab.topology import control_planes, endpoint

from tests.lab.secrecy import forms

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
OPEN = ("/livez", "/readyz", "/healthz", CLUSTER_INFO)
"""What everybody may ask."""
CLOSED = ("/version", "/metrics", "/api", "/livez/ping", "/api/v1/namespaces/kube-public/configmaps")
ENCRYPTION = "/etc/kubernetes/cksharden/encryption.yaml"
POD = SECRET = "survivor"
VALUE = "swordfish-was-never-a-password"
"""What the Secret holds."""
_MADE = r'RunPodSandbox for name:\\"([^"\\]+)\\".* returns sandbox id'
_ETCD = "/etc/kubernetes/pki/etcd"
_READ = f"""
curl --silent --fail --cacert {_ETCD}/ca.crt --cert {_ETCD}/healthcheck-client.crt \
  --key {_ETCD}/healthcheck-client.key --data @- https://127.0.0.1:2379/v3/kv/range
"""

Entry = dict[str, Any]


def wait_for(what: str, holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something holds; fail with its name where it does not within these seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(1)


def populate() -> None:
    """Give the cluster a Secret, and a pod beside the first control plane."""
    container = {"name": "it", "image": testing.TEST_IMAGE, "imagePullPolicy": "Never"}
    spec = {
        "nodeName": planes()[0],
        "terminationGracePeriodSeconds": 0,
        "containers": [container | {"command": ["sleep", "86400"]}],
    }
    for document in (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": spec},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": {"value": VALUE}},
    ):
        testing.kubectl("create", "--filename", "-", stdin=json.dumps(document))
    testing.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"pod/{POD}")


def planes() -> tuple[str, ...]:
    """Return the names of the control planes."""
    return tuple(node.name for node in control_planes(testing.lab().topology))


def anonymous_answers(paths: Iterable[str]) -> dict[str, set[int]]:
    """Return what each API server, and what stands before them, answers to who has no login."""
    shared = endpoint(testing.lab().topology)
    places = [f"{testing.node(name).address}:6443" for name in planes()] + ([shared] if shared else [])
    return {path: {ask(f"https://{place}{path}")[0] for place in places} for path in paths}


def static_pods() -> dict[str, Entry]:
    """Return what the cluster says of the container of each static pod."""
    words = ("--namespace", "kube-system", "get", "pods", "--selector", "tier=control-plane", "-o", "json")
    pods = json.loads(testing.kubectl(*words).stdout)["items"]
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0] for pod in pods}


def pods_made() -> Counter[str]:
    """Return how often each static pod was made since its node was: each change of a manifest makes one."""
    read = ["journalctl", "--unit", "containerd", "--output", "cat", "--no-pager"]
    pods = static_pods()
    made = (pod for name in planes() for pod in re.findall(_MADE, testing.run(name, read).stdout))
    return Counter(pod for pod in made if pod in pods)


def started(status: Entry) -> float:
    """Return when a container was started, in seconds since 1970."""
    return datetime.fromisoformat(status["state"]["running"]["startedAt"]).timestamp()


def read_secret() -> str:
    """Return what the Secret holds, as the API tells it."""
    words = ("get", "secret", SECRET, "--output", "jsonpath={.data.value}")
    return base64.b64decode(testing.kubectl(*words).stdout).decode()


def is_for_root_alone(name: str, path: str) -> bool:
    """Tell whether a file of a node is root's alone, by its own mode and by its directory's."""
    shown = testing.run(name, ["stat", "--format", "%a %U", path, str(Path(path).parent)]).stdout
    return shown.split() == ["600", "root", "700", "root"]


def audited(since: datetime) -> list[Entry]:
    """Return what the audit logs of all control planes hold of the time since then."""
    read = "cat /var/log/kubernetes/audit/*.log"
    lines = [line for name in planes() for line in testing.run(name, read).stdout.splitlines()]
    log: list[Entry] = [json.loads(line) for line in lines if line.endswith("}")]
    return [one for one in log if datetime.fromisoformat(one["requestReceivedTimestamp"]) >= since]


def of_object(log: Iterable[Entry], resource: str, name: str) -> list[Entry]:
    """Return the entries about an object; a subresource is written as pods/exec."""
    found = []
    for one in log:
        about = one.get("objectRef", {})
        asked = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
        if (asked, about.get("name")) == (resource, name):
            found.append(one)
    return found


def now() -> datetime:
    """Return the time, which machine and nodes share."""
    return datetime.now(UTC)


def join_again(name: str) -> None:
    """Take a worker out of the cluster and have it join as a new one would, by a token."""
    ignored = f"--ignore-preflight-errors={','.join(ignored_preflight_errors())}"
    testing.run(name, ["kubeadm", "reset", "--force"], timeout=180)
    testing.kubectl("delete", "node", name)
    create = ["kubeadm", "token", "create", "--ttl", "10m", "--print-join-command"]
    command = testing.run(planes()[0], create).stdout.split()
    testing.run(name, [*command, ignored], timeout=300)
    connect_pods(testing.node(planes()[0]), testing.nodes())  # its range is another one now
    testing.wait_ready()


def stored(key: str) -> bytes:
    """Return what etcd holds under a key, as it lies there."""
    asked = json.dumps({"key": base64.b64encode(key.encode()).decode()})
    answer = json.loads(testing.run(planes()[0], _READ, stdin=asked).stdout)
    return base64.b64decode(answer["kvs"][0]["value"])


def keys() -> dict[str, frozenset[bytes]]:
    """Return, by where it lies, every form of what no artifact may hold."""
    first = planes()[0]
    private = testing.run(first, ["cat", "/etc/kubernetes/pki/sa.key"]).stdout
    config = yaml.safe_load(testing.run(first, ["cat", "/etc/kubernetes/admin.conf"]).stdout)
    client = base64.b64decode(config["users"][0]["user"]["client-key-data"]).decode()
    found = {"the Secret": forms(VALUE.encode()), "sa.key": _line(private), "admin.conf": _line(client)}
    for name in planes():
        document = json.loads(testing.run(name, ["cat", ENCRYPTION]).stdout)
        for key in _encryption_keys(document):
            material = base64.b64decode(key["secret"])
            found[f"{key['name']} of {name}"] = forms(material) | forms(key["secret"].encode())
    return found


def _line(pem: str) -> frozenset[bytes]:
    """Return the forms of a line of a private key, and of what it encodes."""
    lines = pem.split()
    line = lines[len(lines) // 2]
    return forms(line.encode()) | forms(base64.b64decode(line))


def _encryption_keys(document: Entry) -> Iterator[dict[str, str]]:
    for each in document["resources"]:
        for provider in each["providers"]:
            for options in provider.values():
                yield from options.get("keys", ())
