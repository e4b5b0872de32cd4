# SPDX-License-Identifier: Apache-2.0
"""Where keys would be if they leaked: every form of them, in files, journals and lists of processes."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import testing

PAUSE = 0.1
_SHORTEST = 12
"""Bytes of a form that can't be there by chance."""
# It runs on a node, and gets what it looks for on its standard input, where no list of processes has it.
_LOOK = """
import base64, json, os, subprocess, sys
asked = json.load(sys.stdin)
needles = [base64.b64decode(one) for one in asked["needles"]]
def hit(data):
    return any(needle in data for needle in needles)
found = []
for place in asked["places"]:
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                try:
                    with open(path, "rb") as stream:
                        data = stream.read()
                except FileNotFoundError:
                    continue
                if hit(data):
                    found.append(path)
if hit(subprocess.run(["journalctl", "--no-pager", "--output", "export"], stdout=subprocess.PIPE).stdout):
    found.append("the journal")
print(json.dumps(found))
"""


def forms(secret: bytes) -> frozenset[bytes]:
    """Return a secret raw, in hexadecimal, and in base64 wherever it begins in what is encoded."""
    hexadecimal = secret.hex().encode()
    return frozenset({secret, hexadecimal, hexadecimal.upper(), *_in_base64(secret)})


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """Yield, for each of three beginnings, the letters that are made of nothing but the secret."""
    for before in range(3):
        bits = 8 * before
        whole = base64.b64encode(bytes(before) + secret)
        letters = whole[-(-bits // 6) : (bits + 8 * len(secret)) // 6]
        if len(letters) >= _SHORTEST:
            yield letters
            yield letters.translate(bytes.maketrans(b"+/", b"-_"))


def in_files(needles: Collection[bytes], places: Iterable[Path]) -> list[str]:
    """Return the files below places of this machine that hold one of the needles."""
    files = (
        path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()
    )
    return [str(path) for path in files if any(needle in path.read_bytes() for needle in needles)]


def on_node(name: str, needles: Collection[bytes], places: Collection[str]) -> list[str]:
    """Return the files below places of a node that hold one of the needles, and whether its journal does."""
    encoded = [base64.b64encode(needle).decode() for needle in sorted(needles)]
    asked = json.dumps({"needles": encoded, "places": sorted(places)})
    # The program is in its arguments and the needles on its standard input.
    found: list[str] = json.loads(testing.run(name, ["python3", "-c", _LOOK], stdin=asked).stdout)
    return found


class Processes:
    """The command lines that were seen; the nodes are containers, so theirs are in this machine's list."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def look(self) -> None:
        """Take the command line of every process that runs now."""
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with suppress(OSError):  # it has ended
                    self.seen.add(Path(entry.path, "cmdline").read_bytes())


@contextmanager
def watched() -> Iterator[Processes]:
    """Look at the processes of the controller and of all nodes, again and again while the block runs."""
    processes, done = Processes(), threading.Event()

    def repeat() -> None:
        while not done.wait(PAUSE):
            processes.look()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield processes
    finally:
        done.set()
        thread.join()
