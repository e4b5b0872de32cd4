# SPDX-License-Identifier: GPL-3.0-or-later
"""Read YAML with the line of every key, so that an error can name the place to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, to which a date is text as in JSON: who asks for a date can then say what is wrong."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Path = tuple[str | int, ...]


class YamlError(ValueError):
    """The text is not the YAML that was expected; `line` counts from 1 (0: not known)."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """A parsed document: its data, and the line (from 1) on which each path starts."""

    data: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def dump(data: Any) -> str:
    """Return plain data as a YAML document, mappings in their order."""
    return yaml.safe_dump(data, sort_keys=False)


def load(text: str) -> Document:
    """Parse one YAML document.

    Raises:
        YamlError: not YAML, several documents, or a key that is given twice (YAML readers
            silently keep the last one, which hides a setting).
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(None, {})
        lines: dict[Path, int] = {}
        _walk(node, (), lines)
        return Document(loader.construct_document(node), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlError(f"not valid YAML: {problem}", mark.line + 1 if mark else 0) from error
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(f"not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _walk(node: Any, path: Path, lines: dict[Path, int]) -> None:
    if len(path) > 64:
        raise YamlError("nested deeper than 64 levels", node.start_mark.line + 1)
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*path, index), lines)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            if name in seen:
                raise YamlError(f"the key {name!r} is given twice", key.start_mark.line + 1)
            seen.add(name)
            _walk(child, (*path, name), lines)
            lines[(*path, name)] = key.start_mark.line + 1
