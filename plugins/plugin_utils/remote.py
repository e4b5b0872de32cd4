# SPDX-License-Identifier: GPL-3.0-or-later
"""One remote execution: a program on the standard input of the node's python3, and its answer."""

from __future__ import annotations

import secrets
import shlex
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.errors import AnsibleError

from ansible_collections.cksharden.node.plugins.module_utils.node.framing import FramingError, parse
from ansible_collections.cksharden.node.plugins.module_utils.node.text import one_line
from ansible_collections.cksharden.node.plugins.plugin_utils.bundle import NO_PYTHON, NO_PYTHON_CODE, program

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

MEND_PYTHON = "install Python 3.9 or newer there, or name it with ansible_python_interpreter"

# Isolated (no PYTHON* variables, no module of the current directory), no bytecode written on the
# node, no site customisation. Platform-python is where Red Hat hides the system's own.
_PYTHON = "-I -B -S -"
_CANDIDATES = ("python3", "/usr/bin/python3", "/usr/local/bin/python3", "/usr/libexec/platform-python")


class RemoteError(AnsibleError):  # type: ignore[misc]
    """A node answered, but not with what was asked.

    kind: no_python (none there, or too old), bad_answer (no whole answer in what it printed),
    remote_error (the program, or what should have started it, failed).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = message

    @property
    def result(self) -> dict[str, Any]:
        """Return the result of a task that this ends."""
        return {"failed": True, "changed": False, "msg": self.reason, "cksharden": {"error": self.kind}}


def run_on_node(
    action: ActionBase, entry: str, payload: dict[str, Any], task_vars: dict[str, Any], timeout: int
) -> dict[str, Any]:
    """Run one entry point of the node's package there, as one remote execution; return its answer.

    entry and payload are those of bundle.program; timeout is in seconds, of the program on the
    node. become, the connection's options and ansible_python_interpreter are honoured; nothing
    is written on the node.

    Raises RemoteError; AnsibleConnectionFailure comes through for a node that is not reachable.
    """
    _check_connection(action)
    nonce = secrets.token_hex(16)
    source = program(entry, payload, nonce, timeout)
    command = _command(_interpreter(action, task_vars))
    result = action._low_level_execute_command(command, in_data=source)  # noqa: SLF001  Ansible's way for plugins
    try:
        return parse(nonce, result["stdout"])
    except FramingError as reason:
        raise _explain(result, reason) from reason


def collect(action: ActionBase, request: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
    """Return the sections that the collector brings for a request of facts.check_request; see run_on_node."""
    sections: dict[str, Any] = run_on_node(
        action, "collector", request, task_vars, request["limits"]["seconds"]
    )["sections"]
    return sections


def _check_connection(action: ActionBase) -> None:
    """Refuse what can't carry a program on standard input, before Ansible fails with an internal error."""
    connection = action._connection  # noqa: SLF001  Ansible's way for plugins
    if not connection.has_pipelining:
        message = (
            f"the connection plugin {connection.transport} can't carry a program on standard input; use ssh"
        )
        raise RemoteError("remote_error", message)
    if connection.become and not connection.become.pipelining:
        message = f"become_method {connection.become.name} needs a terminal; use sudo"
        raise RemoteError("remote_error", message)


def _interpreter(action: ActionBase, task_vars: dict[str, Any]) -> list[str]:
    """Return the words of the interpreter that the user named; none where Ansible would discover one."""
    configured = constants.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars)
    value = str(action._templar.template(configured) or "").strip()  # noqa: SLF001  Ansible's way for plugins
    return [] if value.startswith("auto") else shlex.split(value)


def _command(interpreter: list[str]) -> str:
    """Return the POSIX shell command that starts Python on its standard input."""
    if interpreter:
        start = " ".join(shlex.quote(word) for word in interpreter)
        find = f"command -v {shlex.quote(interpreter[0])} >/dev/null"
        missing = f"{start} is not there or can not be run"
    else:
        start = '"$p"'
        find = "p=$(" + " || ".join(f"command -v {name}" for name in _CANDIDATES) + ")"
        missing = "there is no python3"
    # The program is taken all the same: who still sends it would else report a broken pipe instead.
    complain = (
        f"{{ cat >/dev/null; echo {shlex.quote(NO_PYTHON + ' ' + missing)} >&2; exit {NO_PYTHON_CODE}; }}"
    )
    # No exec: Ansible appends a command that keeps ssh from dropping the last output.
    return f"{find} || {complain}; {start} {_PYTHON}"


def _explain(result: dict[str, Any], reason: FramingError) -> RemoteError:
    errors = [line for line in result["stderr"].splitlines() if line.strip()]
    for line in errors:
        if line.startswith(NO_PYTHON):
            return RemoteError("no_python", f"{one_line(line[len(NO_PYTHON) :])}; {MEND_PYTHON}")
    if result["rc"] == 0:
        return RemoteError("bad_answer", str(reason))
    last = one_line(errors[-1]) if errors else f"exit code {result['rc']} without a message"
    return RemoteError("remote_error", last)
