# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the manifest of a static pod, as the kubelet takes it: the options of its process, mounts and probes.

Pure: text in, data out. What can't be read with certainty is an error, never a guess.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cksharden.node.plugins.module_utils.node.components import COMPONENTS
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest_data import (
    Manifest,
    Mount,
    Option,
    Probe,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.yaml import YamlError, load

# kubernetes, third_party/forked/golang/expansion: $(NAME) is the value of a variable, $$(NAME) is $(NAME).
_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+.*)?")


class ManifestError(ValueError):
    """The text is no manifest that can be read with certainty; the words say where and why."""


def pod_of(text: str, path: str) -> Mapping[str, Any] | None:
    """Return the Pod that a file of the manifests directory holds, None where it holds something else.

    Nobody changes the answer: every control asks for the same file.

    Raises:
        ManifestError: it is not YAML, several documents, or says a key twice.
    """
    data = _load(text, path)
    if not isinstance(data, dict) or data.get("kind") != "Pod":
        return None
    if not isinstance(data.get("spec"), dict) or not isinstance(data.get("metadata"), dict):
        raise ManifestError(f"{path}: a Pod without metadata or spec")
    return data


def pod_key(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Return the (namespace, name) under which the kubelet keeps a pod: of two files the later one counts."""
    metadata = pod["metadata"]
    return str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")


def component_of(pod: Mapping[str, Any]) -> str | None:
    """Return the component that a pod runs, None for other pods."""
    for container in _mappings(pod["spec"].get("containers")):
        words = [*_words(container, "command"), *_words(container, "args")][:1]
        for word in (*words, container.get("name")):
            if isinstance(word, str) and posixpath.basename(word) in COMPONENTS:
                return posixpath.basename(word)
    return None


@functools.lru_cache(maxsize=256)
def parse_manifest(text: str, path: str) -> Manifest:
    """Return the manifest of a component.

    Args:
        text: a file of the manifests directory, or what kubeadm would write there.
        path: what it is called in messages.

    Raises:
        ManifestError: it can't be read with certainty, or runs none of the components.
    """
    pod = pod_of(text, path)
    component = None if pod is None else component_of(pod)
    if pod is None or component is None:
        raise ManifestError(f"{path}: no Pod of {', '.join(COMPONENTS)}")
    try:
        container = _container(pod, component)
        argv = _command(container, path)
        image = str(container.get("image") or "")
        return Manifest(
            component,
            path,
            pod,
            argv,
            options_of(argv[1:]),
            image,
            version_of(image),
            tuple(_mounts(pod, container)),
            tuple(_probes(container)),
        )
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{path}: not the Pod that it should be: {error}") from error


def options_of(words: Iterable[str]) -> tuple[Option, ...]:
    """Return the options among the words behind a program: --a=b, --a b, --a (true), _ for - in a name.

    A word behind `--a` that is no option is taken for its value: none of the components takes
    arguments, so a boolean is never followed by one.
    """
    found: list[Option] = []
    waiting: str | None = None
    for word in words:
        is_option = word.startswith("-") and bool(word.strip("-")) and not (waiting and word[1:2].isdigit())
        if waiting is not None:
            found.append(Option(waiting, "true" if is_option else word))
            waiting = None
            if not is_option:
                continue
        if is_option:
            name, equals, value = word.lstrip("-").partition("=")
            name = name.replace("_", "-")
            if equals:
                found.append(Option(name, value))
            else:
                waiting = name
    if waiting is not None:
        found.append(Option(waiting, "true"))
    return tuple(found)


def version_of(image: str) -> str | None:
    """Return the tag of an image where it is a version, None for any other and for a bare digest."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if _VERSION.fullmatch(tag) else None


@functools.lru_cache(maxsize=256)
def _load(text: str, path: str) -> Any:
    try:
        return load(text).data
    except YamlError as error:
        place = f", line {error.line}" if error.line else ""
        raise ManifestError(f"{path}{place}: {error}") from error


def _container(pod: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Return the container that runs the component; others may stand beside it."""
    containers = _mappings(pod["spec"].get("containers"))
    return next(one for one in containers if component_of({"spec": {"containers": [one]}}) == component)


def _command(container: dict[str, Any], path: str) -> tuple[str, ...]:
    """Return command and args, with the variables expanded whose value the manifest says."""
    command, args = _words(container, "command"), _words(container, "args")
    for word in (*command, *args):
        if not isinstance(word, str):
            raise ManifestError(f"{path}: {word!r} in the command line is no text")
    if command and posixpath.basename(command[0]) not in COMPONENTS:
        raise ManifestError(f"{path}: its command begins with {command[0]}, so what is started is not known")
    known = {
        str(one.get("name")): str(one.get("value") or "")
        for one in _mappings(container.get("env"))
        if "valueFrom" not in one
    }

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return known.get(match[2], match[0])

    return tuple(_REFERENCE.sub(replaced, word) for word in (*command, *args))


def _mounts(pod: Mapping[str, Any], container: dict[str, Any]) -> Iterable[Mount]:
    volumes = {one.get("name"): one.get("hostPath") for one in _mappings(pod["spec"].get("volumes"))}
    for one in _mappings(container.get("volumeMounts")):
        host = volumes.get(one.get("name")) or {}
        path = host.get("path")
        if path is not None and one.get("subPath"):
            path = posixpath.join(path, one["subPath"])
        yield Mount(
            str(one.get("name")),
            posixpath.normpath(str(one["mountPath"])),
            None if path is None else posixpath.normpath(str(path)),
            one.get("readOnly") is True,
            str(host.get("type") or ""),
        )


def _probes(container: dict[str, Any]) -> Iterable[Probe]:
    """Yield the probes over HTTP with the API's own defaults (kubernetes, pkg/apis/core/v1/defaults.go)."""
    ports = {one.get("name"): one.get("containerPort") for one in _mappings(container.get("ports"))}
    for kind in ("startup", "liveness", "readiness"):
        probe = container.get(f"{kind}Probe") or {}
        asked = probe.get("httpGet")
        if asked:
            yield Probe(
                kind,
                str(asked.get("scheme") or "HTTP"),
                str(asked.get("host") or ""),
                int(ports.get(asked["port"], asked["port"])),
                str(asked.get("path") or "/"),
                int(probe.get("initialDelaySeconds") or 0),
                int(probe.get("periodSeconds") or 10),
                int(probe.get("timeoutSeconds") or 1),
                int(probe.get("failureThreshold") or 3),
            )


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings of a list, none where it is absent."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ManifestError("a list of mappings is something else")
    return value


def _words(container: dict[str, Any], key: str) -> list[Any]:
    value = container.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ManifestError(f"{key} is no list")
    return value
