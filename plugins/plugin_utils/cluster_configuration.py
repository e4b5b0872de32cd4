# SPDX-License-Identifier: GPL-3.0-or-later
"""Put settings of static pods into kubeadm's ClusterConfiguration, so that an upgrade keeps them. Pure.

Nodes of the document are changed, not its data: what no setting names keeps its type and its style
(but for comments, which kubeadm drops at every upgrade as well). extraArgs are a map in v1beta3 and a
list of {name, value} in v1beta4, where an option may stand several times.
"""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.cksharden.node.plugins.module_utils.node.redact import MARK
from ansible_collections.cksharden.node.plugins.plugin_utils.manifest import ManifestError, parse_manifest
from ansible_collections.cksharden.node.plugins.plugin_utils.static_pod_changes import manifests_of

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


def kept_settings(section: dict[str, Any], settings: list[Setting]) -> list[Setting]:
    """Return the items for with_settings that make kubeadm keep what the manifests now say.

    section: the static_pods facts of a control plane after its change. What a setting asked for was
    proved there; a list that was added to has its whole value there only. Raises ConfigurationError.
    """
    found = manifests_of(section, set())
    items = []
    for setting in settings:
        if "option" not in setting:
            continue
        component = setting["component"]
        path, text = found.paths.get(component, component), found.texts.get(component)
        if component in found.unsure:
            raise ConfigurationError(found.unsure[component])
        if text is None:
            raise ConfigurationError(f"this node has no manifest of {component}")
        try:
            values = parse_manifest(text, path).values(setting["option"])
        except ManifestError as error:
            raise ConfigurationError(str(error)) from error
        if any(MARK in value for value in values):
            raise ConfigurationError(f"--{setting['option']} of {component} holds a secret: keep it by hand")
        mounts = setting.get("mounts") or []
        items.append(
            {
                **{key: setting[key] for key in ("component", "option")},
                "values": list(values),
                "mounts": mounts,
            }
        )
    return items


def with_settings(text: str, items: list[Setting]) -> str:
    """Return a ClusterConfiguration in which every item holds; text itself where all did.

    items: {component, option, values: one text for each time that it stands there, mounts}.

    Raises ConfigurationError.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"kubeadm-config is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError("kubeadm-config holds no mapping")
    version = _scalar(_get(root, "apiVersion"))
    if version not in (_LIST, _MAP):
        raise ConfigurationError(f"kubeadm-config is of {version}: only v1beta3 and v1beta4 are understood")
    before = yaml.serialize(root)
    for item in items:
        if item["component"] == "etcd" and _get(_get(root, "etcd"), "external") is not None:
            raise ConfigurationError("etcd is external: kubeadm does not run it")
        section: yaml.MappingNode = root
        for name in SECTIONS[item["component"]]:
            section = _child(section, name, yaml.MappingNode)
        put = _as_list if version == _LIST else _as_map
        put(section, item["option"], item["values"])
        for mount in item.get("mounts") or ():
            if item["component"] == "etcd":
                raise ConfigurationError(
                    f"kubeadm mounts nothing more into etcd: {mount['path']} is not kept"
                )
            _with_volume(section, mount)
    after = yaml.serialize(root)
    return text if after == before else after


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
