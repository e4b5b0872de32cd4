# SPDX-License-Identifier: Apache-2.0
"""What the `with:` of the kinds about control planes says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from cksharden.facts import parse_minor
from cksharden.kinds.document import FORMATS, answer, read
from cksharden.kinds.expectation import CHANGING, Expectation, gates, show
from cksharden.kinds.go_values import parse_bool, parse_duration

_PARSE: dict[str, Callable[[str], Any]] = {
    "text": str,
    "bool": parse_bool,
    "int": int,
    "duration": parse_duration,
}

Component = Literal["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]


class Instead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option that names a file, which is asked in place of the control's own option."""

    option: str
    of: str
    """What the file is asked: see document.FORMATS."""


class Mount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A directory of the node that the container has to see, under the same path."""

    name: str
    path: str
    read_only: bool = True
    type: Literal["Directory", "DirectoryOrCreate"] = "DirectoryOrCreate"

    def __post_init__(self) -> None:
        if not self.name.startswith("cksharden-"):
            raise ValueError(
                "the name of a volume begins with cksharden-: kubeadm's own are replaced silently"
            )


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that cksharden writes."""

    name: str
    """Of the file, before the digest of its content."""
    content: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise ValueError(f"name: {self.name!r} is not of small letters, digits and -")


class Flag(Expectation, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is expected of one option, whichever component has it."""

    option: str
    """Without dashes."""
    type: Literal["text", "bool", "int", "duration", "set", "list", "first"] = "text"
    """duration: seconds. set: a comma list, order without meaning, that repetition adds to.
    list: each repetition is one element. first: of several the first counts, and the others stay behind
    it. Of the others the last one counts."""
    gate: str | None = None
    """The one gate of feature-gates that is asked for."""
    instead: Instead | None = None
    """Where that option is set, its file says it and this option is ignored."""
    mount: Mount | None = None
    """The option is a path that has to be mounted; this is what is mounted for the value that is written."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.gate is not None) != (self.option == "feature-gates"):
            raise ValueError("gate goes with the option feature-gates, and with no other")
        if isinstance(self.default, dict):
            for minor in self.default:
                if parse_minor(minor) is None:
                    raise ValueError(f"default: {minor!r} is no minor version like '1.36'")
        if self.instead is not None and self.instead.option not in FORMATS:
            raise ValueError(f"instead: use one of {', '.join(FORMATS)}")
        self._check_values()

    def _check_values(self) -> None:
        """Refuse what could never be said or found."""
        if self.gate is None and self.type in _PARSE:
            several = self.one_of if isinstance(self.one_of, list) else []
            for value in (self.equals, self.set, *several):
                if value is not msgspec.UNSET and self.parse((self.text(value),)) != value:
                    raise ValueError(f"{value!r} is no {self.type}, which {self.name} is")
        if any(limit is not msgspec.UNSET and limit < 0 for limit in (self.at_least, self.at_most)):
            raise ValueError("at_least and at_most are 0 or more")

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"--{self.option}" + (f" ({self.gate})" if self.gate else "")

    @property
    def expected(self) -> str:
        """The expectation in words."""
        return f"{show(self.set)} first" if self._first else super().expected

    def holds(self, value: Any) -> bool:
        """Say whether a value meets the expectation; where one is to be the first, only that does."""
        return bool(value == self.set) if self._first else super().holds(value)

    @property
    def _first(self) -> bool:
        return self.type == "first" and self.set is not msgspec.UNSET

    def default_of(self, version: str | None) -> Any:
        """Return the default that holds for a version; the key of a mapping is the first minor that has it.

        Raises:
            ValueError: it depends on the version, which is not known or older than all that are.
        """
        if not isinstance(self.default, dict):
            return self.default
        minor = parse_minor(version or "")
        if minor is None:
            raise ValueError(
                f"{self.name} is not set, and its default depends on the version, which is not known"
            )
        known = {parse_minor(key): value for key, value in self.default.items()}
        since = max((key for key in known if key is not None and key <= minor), default=None)
        if since is None:
            raise ValueError(f"{self.name} is not set, and its default in {version} is not known")
        return known[since]

    def parse(self, values: tuple[str, ...]) -> Any:
        """Return what an option that is given these texts means; None where they do not speak of it.

        Raises:
            ValueError: a text is not of the option's type.
        """
        if self.gate is not None:
            said = gates(",".join(values)).get(self.gate)
            return None if said is None else parse_bool(said)
        if not values:
            return None
        if self.type == "set":
            return [part.strip() for value in values for part in value.split(",") if part.strip()]
        if self.type == "first":
            return values[0]
        if self.type == "list":
            return [value for value in values if value]
        return _PARSE[self.type](values[-1])

    def text(self, value: Any) -> str:
        """Return a value as a manifest says it."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            return ",".join(map(str, value))
        return f"{value}s" if self.type == "duration" else str(value)


class ControlPlaneFlag(Flag, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `with:` of a control_plane_flag."""

    component: Component
    unlike: str | None = None
    """An option of the API server that names a file: the one that this option names holds something else."""


class ControlPlaneFile(Expectation, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `with:` of a control_plane_file: an option names a file, and the file is asked."""

    component: Component
    option: str
    """The option that names the file, without dashes."""
    of: str | list[str] | None = None
    """What the file is asked: each answer must be as expected. None: that it is there, and of its format."""
    without: Flag | None = None
    """The option that says it where no file does; it is taken away when a file is written."""
    refused_beside: str | None = None
    """Options that begin so keep the component from starting beside this one: nothing is changed there."""
    writes_since: str | None = None
    """The first minor that reads what is written, like "1.34"; before it the control is judged alone."""
    max_mode: str | None = None
    """Octal text such as "0600": every bit beyond it fails."""
    write: Document | None = None
    """What is written, merged into the one that is there where its format can be."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.option not in FORMATS:
            raise ValueError(f"option: use one of {', '.join(FORMATS)}")
        if self.max_mode is not None and not re.fullmatch(r"0[0-7]{3}", self.max_mode):
            raise ValueError(f"max_mode: {self.max_mode!r} is no octal mode like '0600'")
        if (self.of is None) != (self.is_set is True):
            raise ValueError("ask something of the file, or that it is_set: true")
        if self.writes_since is not None and parse_minor(self.writes_since) is None:
            raise ValueError(f"writes_since: {self.writes_since!r} is no minor version like '1.36'")
        if self.write is not None:
            read(self.option, self.write.content, self.write.name)
            if not self.met_by(self.write.content):
                raise ValueError(f"write: what it says of {self.of} does not meet the expectation")

    def met_by(self, text: str) -> bool:
        """Say whether a file meets the expectation. Raises DocumentError."""
        return all(self.holds(answer(self.option, text, self.option, each)) for each in self.asked)

    def holds(self, value: Any) -> bool:
        """Say whether an answer meets the expectation; that a file lets nothing in is an answer."""
        return (value == [] and isinstance(self.subset_of, list)) or super().holds(value)

    @property
    def asked(self) -> tuple[str, ...]:
        """The questions."""
        return (self.of,) if isinstance(self.of, str) else tuple(self.of or ())

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"--{self.option}"


class StaticPodDirectory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `with:` of a static_pod_directory."""

    components: list[Component]
    """Whose manifests belong there."""
    pods: list[str] = []
    """Other static pods of the team's own, by their names: kube-vip, haproxy."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "the manifests directory of the kubelet"

    @property
    def expected(self) -> str:
        """The expectation in words."""
        return "one manifest each of " + ", ".join((*self.components, *self.pods)) + ", and nothing else"


def check_words(spec: Expectation, parameters: Mapping[str, Any]) -> None:
    """Refuse with ValueError what would ask another thing, or judge an unset option by what is gone."""
    for key in parameters:
        if key not in spec.__struct_fields__:
            near = difflib.get_close_matches(key, CHANGING, 1)
            raise ValueError(f"{key} is no parameter" + (f": did you mean {near[0]}?" if near else ""))
        if key not in CHANGING and key not in ("max_mode", "write", "provider"):
            raise ValueError(f"{key}: it says what the control is about, and is not changed")
    if spec.absent == "pass" and "absent" not in parameters and parameters.keys() - {"set"}:
        raise ValueError("say absent too: an unset option passes by the control's own expectation")
