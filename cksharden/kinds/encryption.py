# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest: the file that says so, as any file of an option; what etcd holds; and the way there.

A key comes in rounds that concern all control planes together (plugins/plugin_utils/encryption.py), so
the item is of no node's role: the playbook carries it out, and the option alone is one of static pods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_config import OPTION, RELOAD
from ansible_collections.cksharden.node.plugins.module_utils.node.encryption_settings import ENCRYPTION
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption import IDENTITY, readers
from ansible_collections.cksharden.node.plugins.plugin_utils.encryption_changes import FILE, MODE, is_private
from ansible_collections.cksharden.node.plugins.plugin_utils.key_names import latest
from cksharden import control_plane
from cksharden.facts import NodeFacts, Unknown
from cksharden.kinds.control_plane_facets import Seen, minor_of, seen
from cksharden.kinds.control_plane_file import MOUNT, ControlPlaneFileKind
from cksharden.kinds.control_plane_spec import ControlPlaneFile
from cksharden.kinds.document import DocumentError, answer
from cksharden.kinds.facets import judgement
from cksharden.kinds.interface import CannotRemedy
from cksharden.model import Item, Judgement, Status

_SINCE = (1, 34)
"""The first minor whose API server tells which file it has loaded: without that no round can be proved."""
_ACCEPTED = ("secretbox", "aescbc", "kms")
_ANEW = "written anew: kubectl get secrets --all-namespaces --output json | kubectl replace --filename -"
_STRONG = re.compile(r"k8s:enc:(?:secretbox:v1|aescbc:v1|kms:v2):")


class Encryption(ControlPlaneFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `with:` of an encryption."""

    resource: Literal["secrets"] = "secrets"
    provider: Literal["secretbox", "aescbc"] = "secretbox"
    """Of the key that is made where there is none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        several = self.one_of if isinstance(self.one_of, list) else []
        for value in (self.equals, *several):
            if self.of is not None and value is not msgspec.UNSET and value not in _ACCEPTED:
                raise ValueError(f"{value} encrypts nothing: use {', '.join(_ACCEPTED)}")


class EncryptionKind(ControlPlaneFileKind):
    """Judges and remedies how the API server stores secrets."""

    name = "encryption"
    role = ENCRYPTION
    spec = Encryption

    def judge(self, spec: Encryption, facts: NodeFacts) -> Judgement:  # type: ignore[override]
        """Judge the file in its facets, and what etcd holds where the node told that."""
        found = super().judge(spec, facts)
        if not found.items or spec.of is None:
            return found
        more = (*_peers(facts), *_rotation(facts), *_stored(facts, spec.resource))
        return judgement((*found.items, *more), spec.expected)

    def remedy(self, spec: Encryption, facts: NodeFacts) -> list[dict[str, Any]]:  # type: ignore[override]
        """See items."""
        return self.items(spec, facts, failing=True, new_key=False)

    def items(
        self, spec: Encryption, facts: NodeFacts, *, failing: bool, new_key: bool
    ) -> list[dict[str, Any]]:
        """Word the intent: the options, as far as they are not there, and the key for all.

        failing: whether this control plane fails, or only takes part because another one does; new_key:
        another key is to follow. Raises CannotRemedy, Unknown.
        """
        minor = minor_of(facts, spec.component)
        if minor is None or minor < _SINCE:
            raise CannotRemedy("only an API server of 1.34 or later proves that it has loaded a key")
        at = seen(facts, spec.component, "declared")
        paths = at.values(spec.option)
        wanted = {spec.option: paths[-1] if paths else FILE, RELOAD: "true"}
        static = [
            {
                "role": "static_pods",
                "component": spec.component,
                "option": option,
                "value": value,
                "mounts": _mounts(at, value) if option == spec.option else [],
            }
            for option, value in wanted.items()
            if failing and not _holds(facts, spec.component, option, value)
        ]
        path = _on_node(at, paths[-1]) if paths else FILE
        if paths and not control_plane.file(facts, path).exists:
            raise CannotRemedy(
                f"{path} is not there: it has to come back, from another control plane or a backup"
            )
        entry = facts.section("static_pods")["files"].get(path) or {"path": path}
        if _says(entry, spec.resource) == "kms":
            # A key of ours would take its place.
            by_hand = f"what is stored has to be {_ANEW}" if _is_private(entry) else f"chmod {MODE} {path}"
            raise CannotRemedy(
                f"{path} has a KMS encrypt, which makes its own keys: "
                + ("have that make a new one" if new_key else by_hand)
            )
        rotation = "begin" if new_key else "finish" if any(map(latest, _known(facts).values())) else ""
        item = {"path": path, "resource": spec.resource, "provider": spec.provider}
        return [*static, item | ({"rotation": rotation} if rotation else {})]

    def changes(self, items: list[dict[str, Any]], facts: NodeFacts) -> dict[str, Any]:
        """Predict whether the file changes; what it says then is known on the nodes alone."""
        entry = facts.section("static_pods")["files"].get(items[0]["path"]) or {}
        exists = bool(entry.get("exists"))
        # Where it encrypts already, what others lack or what is stored may still be to do.
        says = exists and _says(entry, items[0]["resource"]) in _ACCEPTED
        kept = says and "rotation" not in items[0] and _is_private(entry)
        change = {
            "path": items[0]["path"],
            "action": "edit",
            "edits": [{"op": "write", "content": ""}],
            "create": {"mode": MODE},
            "attributes": {} if _is_private(entry) else {"mode": MODE},
            "ground": None,
            "secret": True,
        }
        return {"changes": [] if kept else [change], "refused": [], "restart": None}


def readable(facts: NodeFacts) -> tuple[str, ...]:
    """Return what begins the stored secrets that a control plane can read, what it writes first.

    Raises CannotRemedy, NotMounted, Unknown, EncryptionError: that can't be told.
    """
    at = seen(facts, "kube-apiserver", "declared")
    paths = at.values(OPTION)
    if not paths:
        return (IDENTITY,)
    return tuple(readers(at.file(paths[-1]).whole_text, "secrets"))


def _known(facts: NodeFacts) -> Mapping[str, tuple[str, ...]]:
    """Return what each control plane can read of stored secrets."""
    return {} if isinstance(facts.cluster, str) else facts.cluster.readers


def _stored(facts: NodeFacts, resource: str) -> tuple[Item, ...]:
    """Say how etcd holds a resource, as far as this node was to tell."""
    told = control_plane.static_pods(facts)
    stored = told.stored.get(resource)
    if stored is None:
        reason = f"how etcd holds {resource} is not known: {told.stored_error}"
        return (Item("stored", Status.UNKNOWN, None, "etcd", reason),) if told.stored_error else ()
    plain = {beginning: count for beginning, count in stored.items() if not _STRONG.match(beginning)}
    if plain:
        counted = ", ".join(f"{count} {resource} as {beginning}" for beginning, count in plain.items())
        return (Item("stored", Status.FAIL, stored, "etcd", f"etcd holds {counted}"),)
    reason = f"all {sum(stored.values())} {resource} in etcd are encrypted"
    return (Item("stored", Status.PASS, stored, "etcd", reason),)


def _rotation(facts: NodeFacts) -> tuple[Item, ...]:
    """Say that a key which another one follows is still there: a run ended between its rounds."""
    reads = _known(facts).get(facts.host, ())
    newest = latest(reads)
    if newest is None:
        return ()
    reason = f"{newest} was to follow another key, which is still there: a run ended between its rounds"
    return (Item("rotation", Status.FAIL, reads, facts.host, reason),)


def _is_private(entry: dict[str, Any]) -> bool:
    """Tell whether nobody but its owner may read a file; one that is not there is made so."""
    return is_private(entry.get("mode") or MODE)


def _peers(facts: NodeFacts) -> tuple[Item, ...]:
    """Say what another control plane writes and this one can't read."""
    known = _known(facts)
    if facts.host not in known:
        return ()
    for host, reads in known.items():
        if reads[0] not in known[facts.host]:
            reason = f"{host} writes secrets as {reads[0]}, which this control plane can't read"
            return (Item("peers", Status.FAIL, known[facts.host], host, reason),)
    return ()


def _says(entry: dict[str, Any], resource: str) -> Any:
    """Return the provider by which a file has a resource written, None where it does not say."""
    try:
        return answer(OPTION, entry.get("text") or "", entry["path"], resource)
    except DocumentError:
        return None


def _on_node(at: Seen, path: str) -> str:
    """Return where a file of the container lies, if what is put in its place reaches the container."""
    mount = at.manifest.mount_of(path)
    found = at.manifest.host_path(path)
    if mount is None or found is None:
        raise CannotRemedy(f"{path} is not mounted by {at.manifest.path}: mount its directory first")
    if mount.mount_path == path:
        raise CannotRemedy(
            f"{path} is mounted as a single file, which keeps its content for ever: mount its directory first"
        )
    return found


def _mounts(at: Seen, path: str) -> list[dict[str, Any]]:
    mount = at.manifest.mount_of(path)
    if mount is None:
        return [MOUNT]
    if mount.host_path != mount.mount_path:
        raise CannotRemedy(f"{path} is mounted from {mount.host_path}: say both in kubeadm-config")
    return [{"name": mount.name, "path": mount.mount_path, "read_only": mount.read_only, "type": mount.type}]


def _holds(facts: NodeFacts, component: str, option: str, value: str) -> bool:
    """Tell whether an option is there, and kept by an upgrade as far as that is known."""
    for facet in ("declared", "persisted"):
        try:
            if seen(facts, component, facet).values(option)[-1:] != (value,):
                return False
        except Unknown:
            continue
    return True
