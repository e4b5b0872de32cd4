# SPDX-License-Identifier: Apache-2.0
"""What the linters can't say: sizes, what a node has, and what is never written."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
LONGEST_FILE = 400
LONGEST_FUNCTION = 45
LONGEST_TASK_FILE = 120
MOST_ROLE_VARIABLES = 10
# Where any crash becomes an answer: a crashing kind makes its control `unknown` or leaves it out of a plan, a
# bug ends in a message.
BROAD_EXCEPTS = {"cksharden/cli/main.py", "cksharden/evaluate.py", "cksharden/plan.py"}


def tracked(*patterns: str) -> list[str]:
    """Every file that git knows (or would, once added) and that matches a pattern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(text(name))


def source() -> list[str]:
    return [name for name in tracked("*.py") if not name.startswith("tests/")]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return int(body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_a_file_is_short_enough_to_read() -> None:
    assert not [name for name in tracked("*.py") if len(text(name).splitlines()) > LONGEST_FILE]


def test_a_function_is_short_enough_to_see_at_once() -> None:
    assert not [
        f"{name}: {node.name}"
        for name in source()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > LONGEST_FUNCTION
    ]


def test_what_runs_without_an_installation_needs_the_standard_library_alone() -> None:
    known = sys.stdlib_module_names | {"lab"}
    foreign = []
    for name in tracked("plugins/module_utils/*.py", "molecule/shared/lab/*.py"):
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [str(node.module)]
            else:
                continue
            foreign += [f"{name}: {module}" for module in modules if module.split(".")[0] not in known]
    assert not foreign


def test_a_broad_except_stands_only_where_a_crash_becomes_an_answer() -> None:
    assert {
        name
        for name in source()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not raises_again(node)
    } <= BROAD_EXCEPTS


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    return caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_a_role_has_few_variables() -> None:
    specs = {name: yaml.safe_load(text(name)) for name in tracked("roles/*/meta/argument_specs.yml")}
    assert not [
        name
        for name, spec in specs.items()
        if len(spec["argument_specs"]["main"]["options"]) > MOST_ROLE_VARIABLES
    ]


def test_tasks_are_short_and_never_a_shell_line() -> None:
    files = tracked("roles/*.yml", "playbooks/*.yml", "molecule/*.yml")
    assert not [name for name in files if "ansible.builtin.shell" in text(name)]
    assert not [name for name in files if len(text(name).splitlines()) > LONGEST_TASK_FILE]
