# SPDX-License-Identifier: Apache-2.0
"""What stops a command of cksharden, and the exit code that says so."""

from __future__ import annotations

import difflib
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


_PART = 3
"""Letters that a part of a name needs to tell something."""
_GUESSES = 5


class ExitCode(IntEnum):
    """The exit codes of the command line; they are documented and do not change."""

    COMPLIANT = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


class CkshardenError(Exception):
    """An error that ends a command, told to the user without a traceback.

    file and key say where the cause is, mend what to do about it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INCOMPLETE

    def __init__(
        self, message: str, *, file: str | Path | None = None, key: str | None = None, mend: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = None if file is None else str(file)
        self.key = key
        self.mend = mend

    def diagnostics(self) -> str:
        """Return the text for the user: `file: key: message`, and on a second line the mend."""
        where = [part for part in (self.file, self.key) if part]
        first = ": ".join([*where, self.message])
        return first if self.mend is None else f"{first}\n  {self.mend}"


class UsageError(CkshardenError):
    """A command line that can't be carried out."""

    exit_code = ExitCode.USAGE


class InventoryError(CkshardenError):
    """An inventory that is not there, can't be read, or has no host that was asked for."""

    exit_code = ExitCode.USAGE


class ControlError(CkshardenError):
    """A control file that breaks the schema of controls or of its kind."""

    exit_code = ExitCode.USAGE


class ProfileError(CkshardenError):
    """A profile or waiver file that can't be used."""

    exit_code = ExitCode.USAGE


class FactsError(CkshardenError):
    """A facts file that is not one of ours, or not whole."""

    exit_code = ExitCode.USAGE


class IncompleteError(CkshardenError):
    """A stage that could not be completed on what it was asked to do."""

    exit_code = ExitCode.INCOMPLETE


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the mend for a name that there is not, where known ones are much like it or contain it."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    if not close and len(name) >= _PART:
        close = [one for one in names if name in one][:_GUESSES]
    return f"did you mean {' or '.join(close)}?" if close else None
