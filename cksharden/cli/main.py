# SPDX-License-Identifier: Apache-2.0
"""The command `cksharden`: its verbs, and how it ends."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from cksharden import __version__
from cksharden.cli import (
    apply,
    check,
    controls,
    explain,
    init,
    plan,
    prepare,
    report,
    rollback,
    unlock,
    verify,
)
from cksharden.cli.output import say
from cksharden.cli.verb import verb
from cksharden.errors import CkshardenError, ExitCode, UsageError

_EPILOG = "Exit codes: 0 compliant, 1 findings, 2 usage or a bad file, 3 could not complete, 130 interrupted."
_INTERRUPTED = (
    "cksharden: interrupted. A node that was changing finishes or restores its own transaction by itself; "
    "follow it with `cksharden check`."
)

app = typer.Typer(
    help="See, plan, apply, prove and undo the hardening of existing kubeadm clusters.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in (init, check, plan, apply, verify, rollback, unlock, prepare, report, controls, explain):
    # A paragraph that begins with \b is not filled anew.
    _examples = "".join(f"  {line}\n" for line in _module.EXAMPLES)
    _function = getattr(_module, _module.__name__.rpartition(".")[2])
    app.command(epilog=f"\b\nExamples:\n{_examples}\n{_EPILOG}")(verb(_function))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cksharden {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """See, plan, apply, prove and undo the hardening of existing kubeadm clusters."""
    del debug, version


def main() -> None:
    """Run the command line and exit with one of ExitCode."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""

    def command() -> None:
        _refuse_empty(arguments)
        app(arguments, prog_name="cksharden")

    return ended(command, debug="--debug" in arguments)


def _refuse_empty(arguments: list[str]) -> None:
    """Refuse empty words, as of an unset variable: as a path they would be `.`, else often the default."""
    for before, word in zip(["cksharden", *arguments], arguments, strict=False):
        if not word or (word.startswith("--") and word.endswith("=")):
            where = word.rstrip("=") or before
            raise UsageError(f"an empty value after {where}", mend="give a value, or leave it out")


def ended(command: Callable[[], object], *, debug: bool) -> int:
    """Call a command; return the exit code that belongs to how it ended, and say what is to be said."""
    try:
        command()
    except SystemExit as done:
        if done.code == ExitCode.INTERRUPTED:  # typer's own answer to Ctrl-C
            say(_INTERRUPTED)
        return done.code if isinstance(done.code, int) else ExitCode.COMPLIANT
    except CkshardenError as error:
        say(f"cksharden: {error.diagnostics()}")
        return error.exit_code
    except KeyboardInterrupt:
        say(_INTERRUPTED)
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  a bug: the traceback is for its report, not for everybody
        if debug:
            traceback.print_exc()
        say(
            f"cksharden: internal error: {type(error).__name__}: {error}. "
            "Please report it with what `cksharden --debug …` prints."
        )
        return ExitCode.INCOMPLETE
    return ExitCode.COMPLIANT
