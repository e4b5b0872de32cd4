# SPDX-License-Identifier: Apache-2.0
"""`python ansible_launch.py PROGRAM ARGUMENT…` becomes a program that ends when its parent does.

Who is killed with SIGKILL can't end what it started, and the terminal that ansible-runner gives to
ansible-playbook ends nothing, since it has hangups ignored. The kernel then sends SIGTERM, which
ansible-playbook hands on to its workers. This file is run by itself and imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); it survives execve


def main(words: list[str]) -> None:
    """Become the program words[0]. Raises OSError if it can't be run."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    os.execvp(words[0], words)  # noqa: S606  no shell on purpose


if __name__ == "__main__":
    main(sys.argv[1:])
