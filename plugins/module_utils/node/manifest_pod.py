# SPDX-License-Identifier: GPL-3.0-or-later
"""What the text of a static pod's manifest says of its process: the command line, and the probes."""

from __future__ import annotations

from typing import NamedTuple

from .block_yaml import Mapping, Scalar, Sequence, Value, read
from .flags import EditError


class Probe(NamedTuple):
    """A probe that can be replayed from the node."""

    name: str
    """livenessProbe, readinessProbe or startupProbe."""
    scheme: str
    """http, https or tcp."""
    host: str
    port: int
    path: str
    timeout: int
    """Seconds."""


class StaticPod(NamedTuple):
    """A static pod of one container."""

    component: str
    words: tuple[str, ...]
    probes: tuple[Probe, ...]
    image: str

    def option(self, name: str) -> str | None:
        """Return the value of an option, its last one, None where it is not given."""
        begin = f"--{name}="
        found = [word[len(begin) :] for word in self.words if word.startswith(begin)]
        return found[-1] if found else None


def pod_name(data: bytes) -> str | None:
    """Return metadata.name of a manifest, None where it has none. Raises EditError."""
    metadata = read(lines_of(data)).entries.get("metadata")
    name = metadata.entries.get("name") if isinstance(metadata, Mapping) else None
    return name.text if isinstance(name, Scalar) else None


def read_pod(data: bytes, component: str) -> StaticPod:
    """Return what a manifest says of a component. Raises EditError where that is not certain."""
    container = container_of(read(lines_of(data)), component)
    words = tuple(scalar.text or "" for scalar in words_of(container))
    probes = (_probe(container, name) for name in ("startupProbe", "livenessProbe", "readinessProbe"))
    image = _text(container.entries.get("image")) or ""
    return StaticPod(component, words, tuple(probe for probe in probes if probe is not None), image)


def lines_of(data: bytes) -> list[str]:
    """Return the lines of a text, without their ends. Raises EditError where it is no UTF-8."""
    try:
        return data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise EditError("it is not UTF-8") from None


def spec_of(pod: Mapping) -> Mapping:
    """Return the spec of a pod. Raises EditError."""
    spec = pod.entries.get("spec")
    if not isinstance(spec, Mapping):
        raise EditError("it has no spec")
    return spec


def container_of(pod: Mapping, component: str) -> Mapping:
    """Return the one container of a component. Raises EditError where it is not that one."""
    containers = spec_of(pod).entries.get("containers")
    found = containers.items if isinstance(containers, Sequence) else []
    named = [
        each
        for each in found
        if isinstance(each, Mapping) and (len(found) == 1 or _text(each.entries.get("name")) == component)
    ]
    if len(named) != 1:
        raise EditError(f"it has no one container of {component}")
    words = words_of(named[0])
    if not words or (words[0].text or "").rpartition("/")[2] != component:
        raise EditError(f"its container does not run {component} by itself")
    return named[0]


def words_of(container: Mapping) -> list[Scalar]:
    """Return every word of a container's command and args. Raises EditError where one can't be read."""
    found: list[Scalar] = []
    for key in ("command", "args"):
        value = container.entries.get(key)
        if value is None or (isinstance(value, Scalar) and value.empty):
            continue
        if not isinstance(value, Sequence):
            raise EditError(f"its {key} is not a list of lines")
        for item in value.items:
            if not isinstance(item, Scalar) or item.text is None:
                raise EditError(f"a word of its {key} is not understood")
            found.append(item)
    return found


def _probe(container: Mapping, name: str) -> Probe | None:
    """Return a probe of a container; None where there is none, or one that only the kubelet can make."""
    probe = container.entries.get(name)
    if not isinstance(probe, Mapping):
        return None
    http, tcp = probe.entries.get("httpGet"), probe.entries.get("tcpSocket")
    target = http if isinstance(http, Mapping) else tcp
    if not isinstance(target, Mapping):
        return None
    return Probe(
        name,
        (_text(target.entries.get("scheme")) or "HTTP").lower() if target is http else "tcp",
        _text(target.entries.get("host")) or "127.0.0.1",
        _port(container, _text(target.entries.get("port")) or ""),
        _text(target.entries.get("path")) or "/",
        _number(_text(probe.entries.get("timeoutSeconds")) or "1"),
    )


def _port(container: Mapping, named: str) -> int:
    """Return the number of a port, which kubeadm gives by its name from 1.34 on."""
    ports = container.entries.get("ports")
    for port in ports.items if isinstance(ports, Sequence) else ():
        if isinstance(port, Mapping) and _text(port.entries.get("name")) == named:
            return _number(_text(port.entries.get("containerPort")) or "")
    return _number(named)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise EditError(f"{text or 'nothing'} stands where a number is expected")
    return int(text)


def _text(value: Value | None) -> str | None:
    return value.text if isinstance(value, Scalar) else None
