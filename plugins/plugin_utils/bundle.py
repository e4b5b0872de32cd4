# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's Python package as one source text.

A node gets plugins/module_utils/node/*.py either as a program on the standard input of its
python3, which leaves nothing behind, or as the one file that its agent unit runs. Both load the
package `cksharden_node` from the text itself, and a module is compiled only when it is imported.

The agent's file has all sources as they are, so that who finds it on a node can read it. A program
has those that its entry point needs, packed: it fits into a pipe (64 KiB, pipe(7)), so an ssh that
ends before it reads anything still gets it all, and Ansible hears why ssh ended.
"""

from __future__ import annotations

import binascii
import functools
import json
import re
import zlib
from pathlib import Path
from typing import Any

PACKAGE = "cksharden_node"
OLDEST_PYTHON = (3, 9)
NO_PYTHON = "CKSHARDEN-NO-PYTHON"
"""Begins the line on standard error that says why no Python of the node will do."""
NO_PYTHON_CODE = 97

_DIRECTORY = Path(__file__).resolve().parent.parent / "module_utils" / "node"
# Read when Ansible imports this, before it forks its workers: each of them has it then.
_SOURCES = {path.stem: path.read_text("utf-8") for path in _DIRECTORY.glob("*.py")}
_IMPORT = re.compile(r"^ *from \.(\w*) import ([\w, ]+)", re.MULTILINE)

# This part must parse on any Python 3, so that an old one is named instead of a syntax error.
_PRELUDE = '''\
import sys
if sys.version_info < {oldest!r}:
    sys.stderr.write("\\n{marker} Python %d.%d at %s is too old, {wanted} or newer is needed\\n"
                     % (sys.version_info[0], sys.version_info[1], sys.executable))
    sys.exit({code})
from importlib.machinery import ModuleSpec

SOURCES = {{}}


class Loader:
    """Finds and loads the package {package} in SOURCES."""

    def find_spec(self, name, path=None, target=None):
        if self.stem(name) in SOURCES:
            return ModuleSpec(name, self, is_package=name == "{package}")
        return None

    def stem(self, name):
        head, _dot, rest = name.partition(".")
        return (rest or "__init__") if head == "{package}" else ""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__
        exec(compile(SOURCES[self.stem(name)], "<%s>" % name, "exec"), module.__dict__)

    def get_source(self, name):
        return SOURCES[self.stem(name)]


sys.meta_path.insert(0, Loader())
'''

_PACKED = """
import binascii, json, zlib
SOURCES.update(json.loads(zlib.decompress(binascii.a2b_base64({packed!r}))))
"""

_PROGRAM = """
from {package} import run
run.run({nonce}, {entry}, json.loads({payload}), {seconds})
"""

_AGENT = """
if __name__ == "__main__":
    from {package} import agent
    sys.exit(agent.main(sys.argv[1:]))
"""


def program(entry: str, payload: dict[str, Any], nonce: str = "local", seconds: int = 0) -> bytes:
    """Return Python source, for `python3 -`, that prints the framed answer of an entry point.

    entry is the name of a module of the node's package. Its `main(payload: dict) -> dict` is
    called with payload (any JSON object), and what it returns is emitted in a frame marked with
    nonce (module_utils/node/framing.py). After seconds (0: no limit) main is interrupted with a
    TimeLimitError. Nothing is written on the node.

    Raises ValueError when there is no such module.
    """
    if entry not in _SOURCES:
        raise ValueError(f"there is no entry point {entry} in {_DIRECTORY.name}")
    tail = _PROGRAM.format(
        package=PACKAGE,
        nonce=ascii(nonce),
        entry=ascii(entry),
        payload=ascii(json.dumps(payload)),
        seconds=int(seconds),
    )
    return (_prelude() + _packed(entry) + tail).encode("ascii")


def agent_source() -> str:
    """Return the node's package as one file that calls agent.main(sys.argv[1:]) when it is run."""
    modules = [f"\nSOURCES[{stem!r}] = {_literal(text)}\n" for stem, text in sorted(_SOURCES.items())]
    return _prelude() + "".join(modules) + _AGENT.format(package=PACKAGE)


def _prelude() -> str:
    wanted = ".".join(str(number) for number in OLDEST_PYTHON)
    return _PRELUDE.format(
        oldest=OLDEST_PYTHON, wanted=wanted, marker=NO_PYTHON, code=NO_PYTHON_CODE, package=PACKAGE
    )


@functools.cache
def _packed(entry: str) -> str:
    """Return the statements that bring what an entry point imports, itself or by others."""
    needed: set[str] = set()
    found = {"__init__", "run", entry}
    while found:
        needed |= found
        found = {name for stem in found for name in _imports(_SOURCES[stem])} - needed
    text = json.dumps({stem: _SOURCES[stem] for stem in sorted(needed)})
    packed = binascii.b2a_base64(zlib.compress(text.encode("ascii")), newline=False)
    return _PACKED.format(packed=packed.decode("ascii"))


def _imports(source: str) -> set[str]:
    """Return the modules of the package that a module imports, wherever in it."""
    found: set[str] = set()
    for module, names in _IMPORT.findall(source):
        found |= {module} if module else {name.strip() for name in names.split(",")}
    return found


def _literal(text: str) -> str:
    """Return a literal of text that stays readable where raw quoting can hold it."""
    if text.isascii() and "'''" not in text and not text.endswith(("'", "\\")):
        return f"r'''{text}'''"
    return ascii(text)
