# SPDX-License-Identifier: Apache-2.0
"""Run a command, and meanwhile ask the cluster and every kubelet from outside: `watch.py FILE COMMAND…`.

FILE gets, as JSON, when the load balancer's API server answered (`answered`, seconds of the epoch) and
when not (`failed`, with the reason), and when each kubelet's port was closed (`closed`, by node).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab import outside
from lab.topology import cluster_nodes, endpoint

TOPOLOGY = "ha"
PAUSE = 0.1


class Watch:
    """What was seen until now."""

    def __init__(self) -> None:
        self.answered: list[float] = []
        self.failed: list[tuple[float, str]] = []
        self.closed: dict[str, list[float]] = {node.name: [] for node in cluster_nodes(TOPOLOGY)}

    def ask_api(self) -> None:
        """Ask whether the API is ready; anybody may (the ClusterRole system:public-info-viewer)."""
        try:
            status, text = outside.ask(f"https://{endpoint(TOPOLOGY)}/readyz")
        except OSError as error:
            status, text = 0, str(error)
        if status == 200:
            self.answered.append(time.time())
        else:
            self.failed.append((time.time(), f"{status} {text}"))

    def knock(self, name: str, address: str) -> None:
        """Knock at the port of a kubelet."""
        try:
            opened = outside.listens(address, outside.KUBELET_PORT)
        except OSError:  # no answer at all
            opened = False
        if not opened:
            self.closed[name].append(time.time())


def main(file: str, *command: str) -> int:
    """Return the exit code of the command."""
    watch, done = Watch(), threading.Event()

    def repeat(look: Callable[[], None]) -> None:
        while not done.wait(PAUSE):
            look()

    knocks = (partial(watch.knock, node.name, node.address) for node in cluster_nodes(TOPOLOGY))
    threads = [threading.Thread(target=repeat, args=(look,)) for look in (watch.ask_api, *knocks)]
    for thread in threads:
        thread.start()
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        done.set()
        for thread in threads:
            thread.join()
        Path(file).write_text(json.dumps(vars(watch)), encoding="utf-8")


sys.exit(main(*sys.argv[1:]))
