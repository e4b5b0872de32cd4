# SPDX-License-Identifier: Apache-2.0
"""Hand edits of manifests: what they are, which kubeadm-config can say, and the patch for the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cksharden.catalog import find, load_controls
from cksharden.control_plane import COMPONENTS
from cksharden.facts import NodeFacts
from cksharden.kinds import KINDS, PartlyRemedied
from cksharden.model import Judgement, Status

FIXTURES = Path(__file__).parents[2] / "fixtures/manifests/v1.37.2"
STOCK = {name: (FIXTURES / f"{name}.yaml").read_text() for name in COMPONENTS}
ONE = find(load_controls(), "static_pod_hand_edits")
KIND = KINDS[ONE.control.kind]
OWN = {"name": "own", "mountPath": "/etc/own"}


def facts(live: dict[str, Any], rendered: dict[str, str] | None = None) -> NodeFacts:
    directory = "/etc/kubernetes/manifests"
    entries = [
        {
            "name": f"{name}.yaml",
            "path": f"{directory}/{name}.yaml",
            "exists": True,
            "type": "file",
            "hidden": False,
            "text": text if isinstance(text, str) else json.dumps(text),
        }
        for name, text in sorted((STOCK | live).items())
    ]
    manifests = {name: {"text": text} for name, text in (STOCK | (rendered or {})).items()}
    sections = {
        "node": {"kind": "control_plane"},
        "static_pods": {"directory": directory, "entries": entries, "processes": {}, "files": {}},
        "rendered": {"kubernetes_version": "v1.37.2", "manifests": manifests},
    }
    told = {
        name: {"schema": "1.0", "status": "ok", "reason": "", "data": data} for name, data in sections.items()
    }
    return NodeFacts("cp1", told)


def pod(component: str) -> Any:
    return yaml.safe_load(STOCK[component])


def judged(found: NodeFacts) -> Judgement:
    return KIND.judge(ONE.spec, found)


def option(text: str) -> str:
    return STOCK["kube-apiserver"].replace("    - --secure-port=6443\n", f"    - --secure-port=6443\n{text}")


def patched(judgement: Judgement, component: str) -> Any:
    """What kubeadm writes with the patch that the finding tells."""
    (text,) = [item.observed for item in judgement.items if item.what == f"patch of {component}"]
    document = pod(component)
    for operation in json.loads(text):
        names = operation["path"].split("/")[1:]
        *above, last = (name.replace("~1", "/").replace("~0", "~") for name in names)
        place = document
        for name in above:
            place = place[int(name) if isinstance(place, list) else name]
        key = int(last) if isinstance(place, list) and last != "-" else last
        if operation["op"] == "test":
            assert place[key] == operation["value"]
        elif operation["op"] == "remove":
            del place[key]
        elif key == "-":
            place.append(operation["value"])
        else:
            assert (key in place) is (operation["op"] == "replace") or isinstance(place, list)
            place[key] = operation["value"]
    return document


def test_what_kubeadm_writes_anyway_is_no_edit() -> None:
    etcd = STOCK["etcd"].replace("initial-cluster=cp1", "initial-cluster=cp2=https://10.0.0.12:2380,cp1")
    etcd = etcd.replace(
        "    - --initial-cluster=", "    - --initial-cluster-state=existing\n    - --initial-cluster="
    )
    server = (
        STOCK["kube-apiserver"]
        .replace(":v1.37.2", ":v1.37.1")
        .replace("failureThreshold: 24", "failureThreshold: 48")
    )
    lines = server.splitlines(keepends=True)
    first, second = (
        lines.index(f"    - --{name}\n") for name in ("allow-privileged=true", "secure-port=6443")
    )
    lines[first], lines[second] = lines[second], lines[first]
    judgement = judged(facts({"etcd": etcd, "kube-apiserver": "# mine\n" + "".join(lines)}))
    assert (judgement.status, judgement.reason) == (
        Status.PASS,
        "every manifest is as kubeadm would write it",
    )


def test_an_option_is_adopted() -> None:
    found = facts(
        {"kube-apiserver": option("    - --v=4\n    - --runtime-config=a=1\n    - --runtime-config=b=1\n")}
    )
    assert judged(found).reason == (
        "edited by hand, lost at the next kubeadm upgrade: --v of kube-apiserver is 4, kubeadm would write none (adopt); "
        "--runtime-config of kube-apiserver is a=1 and b=1, kubeadm would write none (adopt)"
    )
    items = KIND.remedy(ONE.spec, found)
    assert items == [
        {"component": "kube-apiserver", "option": "v", "value": "4"},
        {"component": "kube-apiserver", "option": "runtime-config", "value": ["a=1", "b=1"]},
    ]
    changes = KIND.changes([{"control": ONE.control.id, **item} for item in items], found)
    assert (changes["changes"], changes["refused"]) == ([], [])


def test_an_option_that_another_control_judges_is_not_told_twice() -> None:
    assert judged(facts({"kube-apiserver": option("    - --profiling=false\n")})).status is Status.PASS


def test_the_mount_of_an_adopted_file_goes_with_it() -> None:
    document = pod("kube-apiserver")
    (container,) = document["spec"]["containers"]
    container["command"].append("--egress-selector-config-file=/etc/own/egress.yaml")
    container["volumeMounts"].append(OWN | {"readOnly": True})
    document["spec"]["volumes"].append({"name": "own", "hostPath": {"path": "/etc/own", "type": "Directory"}})
    found = facts({"kube-apiserver": document})
    assert len(judged(found).items) == 4
    (item,) = KIND.remedy(ONE.spec, found)
    assert item["mounts"] == [{"name": "own", "path": "/etc/own", "read_only": True, "type": "Directory"}]


def test_the_rest_is_kept_by_the_patch_that_is_told() -> None:
    document = pod("etcd")
    (container,) = document["spec"]["containers"]
    container["env"] = [{"name": "GOGC", "value": "50"}]
    container["resources"]["requests"]["cpu"] = "1"
    container["resources"]["limits"] = {"memory": "2Gi"}
    container["volumeMounts"].append(OWN)
    document["spec"]["volumes"].append({"name": "own", "emptyDir": {"medium": "Memory"}})
    document["spec"]["hostAliases"] = [{"ip": "10.0.0.1", "hostnames": ["a"]}]
    document["metadata"]["annotations"]["example.org/a~b"] = "c"
    del document["spec"]["priorityClassName"]
    del container["command"][17]  # one of kubeadm's own options
    del container["readinessProbe"]
    found = facts({"etcd": document})
    judgement = judged(found)
    assert judgement.status is Status.FAIL
    assert "with etcd9+json.json among its patches" in judgement.reason
    with pytest.raises(PartlyRemedied, match=r"with etcd9\+json.json among its patches") as partly:
        KIND.remedy(ONE.spec, found)
    assert partly.value.items == []
    assert patched(judgement, "etcd") == document


def test_what_can_not_be_rendered_is_unknown() -> None:
    found = facts({})
    found.sections["rendered"] = {"schema": "1.0", "status": "failed", "reason": "the node has no kubeadm"}
    assert judged(found).status is Status.UNKNOWN
