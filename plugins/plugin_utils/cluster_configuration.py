# SPDX-License-Identifier: GPL-3.0-or-later
"""Put settings of static pods into kubeadm's ClusterConfiguration, so that an upgrade keeps them. Pure.

Nodes of the document are changed, not its data: what no setting names keeps its type and its style
(but for comments, which kubeadm drops at every upgrade as well). extraArgs are a map in v1beta3 and a
list of {name, value} in v1beta4, where an option may stand several times.
"""

from __future__ import annotations

from typing import Any

import yaml

Setting = dict[str, Any]

SECTIONS = {
    "kube-apiserver": ("apiServer",),
    "kube-controller-manager": ("controllerManager",),
    "kube-scheduler": ("scheduler",),
    "etcd": ("etcd", "local"),
}
_LIST = "kubeadm.k8s.io/v1beta4"
_MAP = "kubeadm.k8s.io/v1beta3"


class ConfigurationError(ValueError):
    """The configuration can't hold the settings, or is none that is understood."""


class Configuration:
    """A ClusterConfiguration whose options and volumes are read and changed."""

    def __init__(self, text: str) -> None:
        """Read it. Raises ConfigurationError for what is none that is understood."""
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"kubeadm-config is not YAML: {str(error).splitlines()[0]}") from error
        if not isinstance(root, yaml.MappingNode):
            raise ConfigurationError("kubeadm-config holds no mapping")
        self._version = _scalar(_get(root, "apiVersion"))
        if self._version not in (_LIST, _MAP):
            raise ConfigurationError(
                f"kubeadm-config is of {self._version}: only v1beta3 and v1beta4 are understood"
            )
        self._root, self._given, self._before = root, text, yaml.serialize(root)

    @property
    def text(self) -> str:
        """What it says now; the text that was given where nothing has changed."""
        after: str = yaml.serialize(self._root)
        return self._given if after == self._before else after

    def options(self, component: str) -> dict[str, list[str]]:
        """Return the options of a component, each with every value that it is given."""
        arguments = _get(self._section(component), "extraArgs")
        found: dict[str, list[str]] = {}
        if isinstance(arguments, yaml.MappingNode):
            for key, value in arguments.value:
                found.setdefault(_name(key), []).append(_scalar(value) or "")
        elif isinstance(arguments, yaml.SequenceNode):
            for each in arguments.value:
                found.setdefault(_name(_get(each, "name")), []).append(_scalar(_get(each, "value")) or "")
        return found

    def volumes(self, component: str) -> dict[str, dict[str, str]]:
        """Return the volumes of a component by name."""
        volumes = _get(self._section(component), "extraVolumes")
        found = [] if not isinstance(volumes, yaml.SequenceNode) else volumes.value
        told = [
            {_scalar(key) or "": _scalar(value) or "" for key, value in each.value}
            for each in found
            if isinstance(each, yaml.MappingNode)
        ]
        return {each.get("name", ""): each for each in told}

    def put(self, component: str, option: str, values: list[str]) -> None:
        """Give an option these values, one for each time that it stands there. Raises ConfigurationError."""
        (_as_list if self._version == _LIST else _as_map)(self._made(component), option, values)

    def mount(self, component: str, mount: dict[str, Any]) -> None:
        """Have a directory of the node mounted at its own path. Raises ConfigurationError."""
        if component == "etcd":
            raise ConfigurationError(f"kubeadm mounts nothing more into etcd: {mount['path']} is not kept")
        _with_volume(self._made(component), mount)

    def unmount(self, component: str, name: str) -> None:
        """Take a volume away."""
        section = self._made(component)
        volumes = _child(section, "extraVolumes", yaml.SequenceNode)
        volumes.value = [each for each in volumes.value if _scalar(_get(each, "name")) != name]
        _drop_empty(section, volumes)

    def _section(self, component: str) -> yaml.Node | None:
        section: yaml.Node | None = self._root
        for name in SECTIONS[component]:
            section = _get(section, name)
        return section

    def _made(self, component: str) -> yaml.MappingNode:
        if component == "etcd" and _get(_get(self._root, "etcd"), "external") is not None:
            raise ConfigurationError("etcd is external: kubeadm does not run it")
        section: yaml.MappingNode = self._root
        for name in SECTIONS[component]:
            section = _child(section, name, yaml.MappingNode)
        return section


def with_settings(text: str, items: list[Setting]) -> str:
    """Return a ClusterConfiguration in which every item holds; text itself where all did.

    items: {component, option, values: one text for each time that it stands there, mounts}.

    Raises ConfigurationError.
    """
    document = Configuration(text)
    for item in items:
        document.put(item["component"], item["option"], item["values"])
        for mount in item.get("mounts") or ():
            document.mount(item["component"], mount)
    return document.text


def _as_list(section: yaml.MappingNode, option: str, values: list[str]) -> None:
    """Have a list of {name, value} give an option these values, at the place of the first."""
    if not values and _get(section, "extraArgs") is None:
        return
    arguments = _child(section, "extraArgs", yaml.SequenceNode)
    places = [number for number, each in enumerate(arguments.value) if _name(_get(each, "name")) == option]
    if [_scalar(_get(arguments.value[number], "value")) for number in places] == values:
        return
    new = [_mapping({"name": option, "value": value}) for value in values]
    at = places[0] if places else len(arguments.value)
    kept = [each for number, each in enumerate(arguments.value) if number not in places]
    arguments.value = kept[:at] + new + kept[at:]
    arguments.flow_style = False
    _drop_empty(section, arguments)


def _as_map(section: yaml.MappingNode, option: str, values: list[str]) -> None:
    """Have a map of name and value give an option its value."""
    if len(values) > 1:
        raise ConfigurationError(
            f"--{option} would stand {len(values)} times, which v1beta3 can't say: "
            "run `kubeadm config migrate` first"
        )
    if not values and _get(section, "extraArgs") is None:
        return
    arguments = _child(section, "extraArgs", yaml.MappingNode)
    if [_scalar(each) for key, each in arguments.value if _name(key) == option] == values:
        return
    kept = [(key, each) for key, each in arguments.value if _name(key) != option]
    arguments.value = kept + [(_text(option), _text(value)) for value in values]
    arguments.flow_style = False
    _drop_empty(section, arguments)


def _with_volume(section: yaml.MappingNode, mount: dict[str, Any]) -> None:
    volumes = _child(section, "extraVolumes", yaml.SequenceNode)
    wanted = {"name": mount["name"], "hostPath": mount["path"], "mountPath": mount["path"]}
    if mount["read_only"]:
        wanted["readOnly"] = True
    if mount["type"]:
        wanted["pathType"] = mount["type"]
    for each in volumes.value:
        same = _scalar(_get(each, "mountPath")) == mount["path"]
        if same and _scalar(_get(each, "hostPath")) == mount["path"]:
            if _scalar(_get(each, "readOnly")) == "true" and not mount["read_only"]:
                raise ConfigurationError(f"kubeadm-config mounts {mount['path']} for reading only")
            return
        if same or _scalar(_get(each, "name")) == mount["name"]:
            raise ConfigurationError(
                f"kubeadm-config mounts something else as {mount['name']} or at {mount['path']}"
            )
    volumes.value.append(_mapping(wanted))
    volumes.flow_style = False


def _drop_empty(section: yaml.MappingNode, arguments: yaml.Node) -> None:
    if not arguments.value:
        section.value = [(key, each) for key, each in section.value if each is not arguments]


def _child(parent: yaml.MappingNode, name: str, kind: type[yaml.CollectionNode]) -> Any:
    """Return the value of a key, made where nothing stands there."""
    found = _get(parent, name)
    if isinstance(found, kind):
        return found
    if found is not None and not _is_null(found):
        raise ConfigurationError(f"{name} of kubeadm-config is not what it should be")
    tag = "map" if kind is yaml.MappingNode else "seq"
    new = kind(f"tag:yaml.org,2002:{tag}", [])
    new.flow_style = False
    parent.value = [(key, each) for key, each in parent.value if _scalar(key) != name]
    parent.value.append((_text(name), new))
    parent.flow_style = False
    return new


def _get(parent: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(parent, yaml.MappingNode):
        return None
    return next((each for key, each in parent.value if _scalar(key) == name), None)


def _is_null(node: yaml.Node) -> bool:
    return str(node.tag) == "tag:yaml.org,2002:null"


def _scalar(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _name(node: yaml.Node | None) -> str:
    return (_scalar(node) or "").replace("_", "-")


def _text(value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", value)


def _mapping(values: dict[str, Any]) -> yaml.MappingNode:
    pairs = [
        (_text(key), yaml.ScalarNode("tag:yaml.org,2002:bool", "true") if value is True else _text(value))
        for key, value in values.items()
    ]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)
