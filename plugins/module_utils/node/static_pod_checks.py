# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a static pod's gate, each one thing that must hold; "" where it does, else what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .etcd_api import Credentials, Etcd, EtcdError, Member, Status, client_url, health_check
from .kubeapi import Api, refusal
from .manifest_pod import StaticPod
from .system import PodProcess, System

LEASED = ("kube-controller-manager", "kube-scheduler")
_SYSTEM = "/api/v1/namespaces/kube-system"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def words(pod: StaticPod, process: PodProcess) -> str:
    """The process has the command line of the manifest."""
    if len(pod.words) == len(process.argv):
        # What the kubelet expands ($(NAME)) is known to it alone.
        differ = [
            (want, is_) for want, is_ in zip(pod.words, process.argv) if want != is_ and "$(" not in want
        ]
        if not differ:
            return ""
    lacking = _names(set(pod.words) - set(process.argv))
    more = _names(set(process.argv) - set(pod.words))
    told = [f"{name} is missing" for name in lacking] + [f"{name} is not in the manifest" for name in more]
    return f"the command line of {pod.component} is another: {', '.join(told) or 'in another order'}"


def _names(words_: set[str]) -> list[str]:
    # Values may be secrets.
    return sorted({word.partition("=")[0] if word.startswith("-") else "a word" for word in words_})


def probes(system: System, pod: StaticPod) -> str:
    """Every probe of the manifest passes, asked from the node without credentials."""
    asked = {probe[1:]: probe for probe in pod.probes}
    return next(filter(None, (system.probe(probe) for probe in asked.values())), "")


def reported(api: Api, pod: StaticPod, node: str, process: PodProcess) -> str:
    """The kubelet reports this very container as started and ready."""
    status, mirror = api.request("GET", f"{_SYSTEM}/pods/{pod.component}-{node}")
    if status != 200:
        return f"the API has no pod {pod.component}-{node}: {refusal(status, mirror)}"
    statuses = (mirror.get("status") or {}).get("containerStatuses") or ()
    for each in statuses:
        if str(each.get("containerID", "")).endswith(f"//{process.container}"):
            if each.get("ready") is True and each.get("started") is not False:
                return ""
            return f"the kubelet does not report {pod.component} as ready"
    return f"the kubelet has not reported the container of {pod.component} that runs"


def images(api: Api, pods: Iterable[StaticPod], node: str) -> str:
    """The node has the images of its pods: one that is gone can't be started anew, nor put back.

    A running container does not keep its image. The kubelet lists the largest ones in its Node, by default
    50 (nodeStatusMaxImages); where the list may have been cut nothing is said.
    """
    status, found = api.request("GET", f"/api/v1/nodes/{node}")
    listed = ((found.get("status") or {}).get("images") or ()) if status == 200 else ()
    known = {name for each in listed for name in each.get("names") or ()}
    lacking = [pod for pod in pods if _is_full_name(pod.image) and pod.image not in known]
    if not lacking or not listed or _is_cut(api, node, len(listed)):
        return ""
    pod = lacking[0]
    return f"the image {pod.image} of {pod.component} is not on this node: no pod can be started from it"


def _is_full_name(image: str) -> bool:
    """Tell whether the kubelet lists an image by this very name: the runtime fills in registry and tag."""
    host, _slash, rest = image.partition("/")
    return ("." in host or ":" in host) and ":" in rest and "@" not in rest


def _is_cut(api: Api, node: str, count: int) -> bool:
    status, answer = api.request("GET", f"/api/v1/nodes/{node}/proxy/configz")
    most = (answer.get("kubeletconfig") or {}).get("nodeStatusMaxImages") if status == 200 else None
    return not isinstance(most, int) or 0 <= most <= count


def reads(api: Api) -> str:
    """A list that needs the quorum of etcd is answered."""
    status, answer = api.request("GET", f"{_SYSTEM}/configmaps?limit=1")
    return "" if status == 200 else f"a list is answered with {refusal(status, answer)}"


def writes(api: Api) -> str:
    """A write passes admission, in dry run."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "cksharden-gate-"}}
    status, answer = api.request("POST", f"{_SYSTEM}/configmaps?dryRun=All", body)
    return "" if status == 201 else f"a write in dry run is answered with {refusal(status, answer)}"


def renewed(api: Api, pod: StaticPod, before: str | None) -> tuple[str, str]:
    """The Lease of a component has moved since `before`; return that it has not, and when it was renewed."""
    status, lease = api.request("GET", f"{_LEASES}/{pod.component}")
    if status != 200:
        return f"the Lease of {pod.component} is answered with {refusal(status, lease)}", ""
    now = str((lease.get("spec") or {}).get("renewTime", ""))
    return ("" if before and now != before else f"{pod.component} did not renew its Lease"), now


# ---------------------------------------------------------------------- etcd


def credentials(pod: StaticPod) -> Credentials:
    """Return what a client shows to the members of etcd. See health_check."""
    return health_check(pod.option("trusted-ca-file"))


def own_etcd(system: System, pod: StaticPod) -> Etcd:
    """Return the member of this node."""
    return system.etcd(client_url(pod.option("listen-client-urls") or ""), credentials(pod))


def member_status(system: System, pod: StaticPod, member: Member) -> Status | None:
    """Return how any member does, None where it does not answer."""
    found = (_status(system.etcd(url, credentials(pod))) for url in member.urls)
    return next((status for status in found if status is not None), None)


def _status(etcd: Etcd) -> Status | None:
    try:
        return etcd.status()
    except EtcdError:
        return None


def etcd_members(system: System, pod: StaticPod) -> tuple[str, dict[str, Any]]:
    """All members answer, know one leader, have no alarm and are no learners.

    Returns what is wrong, and {"members": how many, "index": the furthest log of any}.
    """
    try:
        members = own_etcd(system, pod).members()
    except EtcdError as reason:
        return f"etcd does not answer ({reason})", {}
    told, leaders, furthest = [], set(), 0
    for member in members:
        name = member.name or member.id
        status = None if member.learner else member_status(system, pod, member)
        if member.learner:
            told.append(f"the member {name} of etcd is still a learner")
        elif status is None:
            told.append(f"the member {name} of etcd does not answer")
        else:
            told += [f"the member {name} of etcd says {error}" for error in status.errors]
            leaders.add(status.leader)
            furthest = max(furthest, status.logged)
    if not told and (len(leaders) != 1 or "0" in leaders):
        told.append("the members of etcd do not agree on a leader")
    return "; ".join(told), {"members": len(members), "index": furthest}


def caught_up(system: System, pod: StaticPod, before: dict[str, Any]) -> str:
    """This node's member has applied all that the others had at `before`, and nobody is missing."""
    told, now = etcd_members(system, pod)
    if told:
        return told
    if now["members"] < before.get("members", 1):
        return f"etcd has {now['members']} members, and had {before['members']}"
    try:
        applied = own_etcd(system, pod).status().applied
    except EtcdError as reason:
        return f"etcd does not answer ({reason})"
    behind = int(before.get("index", 0)) - applied
    return f"etcd has {behind} entries still to apply" if behind > 0 else ""


def hand_over(system: System, pod: StaticPod) -> str:
    """Give the leadership of etcd to another member where this node's has it; return why it could not."""
    try:
        own = own_etcd(system, pod)
        status, members = own.status(), own.members()
        if status.leader != status.id or len(members) == 1:
            return ""
        others = [each for each in members if each.id != status.id and not each.learner]
        ready = [each for each in others if member_status(system, pod, each) is not None]
        if not ready:
            return "no other member of etcd can lead"
        own.move_leader(ready[0].id)
    except EtcdError as reason:
        return f"etcd's leadership could not be handed over ({reason})"
    return ""
