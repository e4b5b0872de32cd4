# SPDX-License-Identifier: Apache-2.0
"""`python ansible_launch.py ansible-playbook ARGUMENT…` is ansible-playbook, but for how it ends.

It ends when its parent does. Who is killed with SIGKILL can't end what it started, and the terminal
that ansible-runner gives to ansible-playbook ends nothing, since it has hangups ignored. The kernel
then sends SIGTERM, which ansible-playbook hands on to its workers.

And it ends at once: to take all of Ansible apart object by object takes Python longer than to log in to
a node. This file is run by itself and imports nothing of ours.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(words: list[str]) -> None:
    """Run ansible-playbook of this very Python environment, and exit as it does."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    sys.argv = words
    code: object = None
    try:
        runpy.run_module("ansible.cli.playbook", run_name="__main__")
    except SystemExit as done:
        code = done.code
    atexit._run_exitfuncs()  # noqa: SLF001  what Ansible wants done at the end; there is no public name
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main(sys.argv[1:])
