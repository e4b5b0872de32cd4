# SPDX-License-Identifier: Apache-2.0
"""Which lab this machine has: one file and one lock for the whole machine, whoever's checkout it is."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lab.errors import RefusedError

# Not in the cache: two caches on one machine still share its network and its container names.
FOLDER = Path("/var/lib/cksharden-lab")
DOWN_COMMAND = "nox -s lab -- down"

Phase = Literal["building", "ready"]


@dataclass(frozen=True)
class State:
    """A lab that exists or is being made.

    `recipe` is a digest of what it is made by.
    """

    topology: str
    kubernetes: str
    checkout: str
    cache: str
    phase: Phase
    recipe: str

    def describe(self) -> str:
        """Say in one line which lab it is."""
        made = "" if self.phase == "ready" else ", unfinished"
        return f"{self.topology}, Kubernetes {self.kubernetes}, of {self.checkout}{made}"

    def is_same_lab(self, other: State) -> bool:
        """Tell whether the other one has our topology, version and checkout."""
        return (self.topology, self.kubernetes, self.checkout) == (
            other.topology,
            other.kubernetes,
            other.checkout,
        )


def read_state(folder: Path = FOLDER) -> State | None:
    """Return the lab of this machine, None where there is none."""
    try:
        text = (folder / "state.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return State(**json.loads(text))


def write_state(state: State, folder: Path = FOLDER) -> None:
    """Record the lab of this machine; a reader sees the old record or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "state.json.new"
    with draft.open("w", encoding="utf-8") as handle:
        json.dump(asdict(state), handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    draft.rename(folder / "state.json")


def forget_state(folder: Path = FOLDER) -> None:
    """Record that this machine has no lab."""
    (folder / "state.json").unlink(missing_ok=True)


@contextmanager
def exclusive(folder: Path = FOLDER) -> Iterator[None]:
    """Hold this machine's lab while it is made, repaired or removed.

    The lock ends with the process, however that ends.

    Raises:
        RefusedError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            holder = handle.read().strip()
            raise RefusedError(f"process {holder} is making or removing the lab right now") from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def check_free(present: State | None, wanted: State) -> None:
    """Refuse a second lab beside one of another topology, version or checkout.

    Raises:
        RefusedError: Names the lab that is there and the command that removes it.
    """
    if present is not None and not present.is_same_lab(wanted):
        raise RefusedError(
            f"this machine has a lab already: {present.describe()}.\n"
            f"Remove it with `{DOWN_COMMAND}`, or make this one in its place with `up --replace`."
        )
