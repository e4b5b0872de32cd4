# SPDX-License-Identifier: Apache-2.0
"""The lab's command line: up, status, shell, offer, down, prune."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lab.errors import LabError
from lab.gobuild import DEFAULT_KUBERNETES, VERSIONS
from lab.offer import offer
from lab.process import end_on_signals
from lab.progress import warn
from lab.shell import shell
from lab.status import status
from lab.topology import DEFAULT_TOPOLOGY, TOPOLOGIES
from lab.up import down, prune, up

INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run one verb and return the exit code: 0 done, 1 failed, 2 refused, 130 interrupted."""
    # What follows `--` is the command of `shell`, and argparse would take its options for ours.
    words, command = list(argv), []
    if "--" in words:
        place = words.index("--")
        words, command = words[:place], words[place + 1 :]
    chosen = parser().parse_args(words)
    try:
        if chosen.verb == "shell":
            return shell(chosen.node, [*chosen.command, *command])
        end_on_signals()
        if chosen.verb == "up":
            up(chosen.topology, chosen.kubernetes, fresh=chosen.fresh, replace_other=chosen.replace)
        elif chosen.verb == "offer":
            offer(chosen.kubernetes)
        elif chosen.verb == "down":
            down()
        elif chosen.verb == "prune":
            prune()
        else:
            return status()
    except LabError as error:
        warn(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        warn("interrupted; the same command takes it up again, `down` removes what is there")
        return INTERRUPTED
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the grammar of the command line."""
    whole = argparse.ArgumentParser(
        prog="nox -s lab --",
        description="A real kubeadm cluster on this machine, for demonstrations and tests.",
    )
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")
    make = verbs.add_parser("up", help="make the lab, or bring back the one that is here")
    make.add_argument(
        "--topology",
        choices=sorted(TOPOLOGIES),
        default=DEFAULT_TOPOLOGY,
        help=f"one control plane, or three behind a load balancer; and a worker (default {DEFAULT_TOPOLOGY})",
    )
    make.add_argument(
        "--kubernetes",
        default=DEFAULT_KUBERNETES,
        metavar="VERSION",
        help=f"version to build and run: {', '.join(VERSIONS)} (default {DEFAULT_KUBERNETES})",
    )
    make.add_argument("--fresh", action="store_true", help="remove this checkout's lab first")
    make.add_argument(
        "--replace",
        action="store_true",
        help="remove a lab of another topology, version or checkout instead of refusing",
    )
    verbs.add_parser("status", help="show the nodes and whether they work (exit 1 if not all do)")
    enter = verbs.add_parser("shell", help="open a shell on a node, or run `shell NODE -- COMMAND`")
    enter.add_argument("node")
    enter.add_argument("command", nargs="*")
    give = verbs.add_parser("offer", help="lay another Kubernetes version on the nodes, for kubeadm upgrade")
    give.add_argument("kubernetes", metavar="VERSION", help=f"one of {', '.join(VERSIONS)}")
    verbs.add_parser("down", help="remove the lab of this machine, whoever made it; the caches stay")
    verbs.add_parser("prune", help="remove what is cached and was not used for a month")
    return whole
