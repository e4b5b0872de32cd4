# SPDX-License-Identifier: Apache-2.0
"""The options that verbs share, as groups; `verb` gives a command the options of the groups it takes.

Nothing heavy is imported here: `cksharden --help` reads this file and nothing of the stages.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cksharden.cli import completion
from cksharden.cli.output import ask_secret
from cksharden.errors import UsageError
from cksharden.inventory import inventory_file, none_given

if TYPE_CHECKING:
    from cksharden.runner import Connection

RUNS_DIR_VARIABLE = "CKSHARDEN_RUNS_DIR"


class Format(StrEnum):
    """The formats of reports; the reporters themselves are in cksharden.report."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="The form of the report.")]


@dataclass(frozen=True)
class Access:
    """How to reach hosts; the words are Ansible's own."""

    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="NAME", help="Connect as this user.")
    ] = None
    private_key: Annotated[
        Path | None, typer.Option("--private-key", metavar="FILE", help="Authenticate with this key.")
    ] = None
    ask_become_pass: Annotated[
        bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")
    ] = False
    become_password_file: Annotated[
        Path | None, typer.Option("--become-password-file", metavar="FILE", help="Holds the sudo password.")
    ] = None
    ask_vault_pass: Annotated[
        bool, typer.Option("--ask-vault-pass", "-J", help="Ask for the vault password.")
    ] = False
    vault_password_file: Annotated[
        Path | None, typer.Option("--vault-password-file", metavar="FILE", help="Holds the vault password.")
    ] = None
    forks: Annotated[
        int, typer.Option("--forks", "-f", min=1, metavar="N", help="Hosts that are asked at once.")
    ] = 25

    def connection(self) -> Connection:
        """Return how Ansible is to connect; asks for the passwords that are to be asked for.

        Raises:
            UsageError: a file that is named does not exist, or there is no terminal to ask on.
        """
        from cksharden.runner import Connection

        files = {
            key: getattr(self, key) for key in ("private_key", "become_password_file", "vault_password_file")
        }
        for key, file in files.items():
            if file is not None and not file.is_file():
                what = "this is no file" if file.exists() else "no such file"
                raise UsageError(what, file=file, key=f"--{key.replace('_', '-')}", mend="name a file")
        paths = {key: str(file.absolute()) if file else None for key, file in files.items()}
        return Connection(
            user=self.user,
            forks=self.forks,
            become_password=self._ask("become", "Sudo password: "),
            vault_password=self._ask("vault", "Vault password: "),
            **paths,
        )

    def again(self) -> str:
        """Return the options about passwords, which have to be given each time, as on a command line."""
        words = ""
        for what, flag in (("become", "-K"), ("vault", "-J")):
            file = getattr(self, f"{what}_password_file")
            words += f" {flag}" if getattr(self, f"ask_{what}_pass") else ""
            words += f" --{what}-password-file {shlex.quote(str(file))}" if file else ""
        return words

    def _ask(self, what: str, prompt: str) -> str | None:
        key, other = f"--ask-{what}-pass", f"--{what}-password-file"
        if not getattr(self, f"ask_{what}_pass"):
            return None
        if getattr(self, f"{what}_password_file"):
            raise UsageError(f"{other} is given too", key=key, mend="give one of them")
        return ask_secret(prompt, key=key, mend=f"give {other}")


@dataclass(frozen=True)
class Hosts(Access):
    """Which hosts, and how to reach them."""

    inventory: Annotated[
        Path | None,
        typer.Argument(
            metavar="INVENTORY", help="An Ansible inventory: a file, or a directory with hosts.yml."
        ),
    ] = None
    limit: Annotated[
        str | None,
        typer.Option(
            "--limit", "-l", metavar="PATTERN", help="Only these hosts or groups, as `w1,rack*,!w9`."
        ),
    ] = None

    def path(self) -> Path:
        """Return the inventory, which a verb that reaches nodes can't do without.

        Raises:
            CkshardenError: none was given, or there is none.
        """
        if self.inventory is None:
            raise none_given()
        inventory_file(self.inventory)
        return self.inventory

    def reached(self) -> Connection:
        """Return how Ansible is to connect to them.

        Raises:
            CkshardenError: as of path() and connection(), or a part of --limit matches no host.
        """
        from cksharden.ansible_inventory import check_limit

        inventory, connection = self.path(), self.connection()
        if self.limit is not None:
            check_limit(inventory, connection, self.limit)
        return connection


@dataclass(frozen=True)
class Choice:
    """Which controls."""

    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=completion.profiles,
            help=f"The set of controls: {', '.join(completion.builtin_profiles())} or a file; "
            "by default profile.yml beside the inventory, else cks.",
        ),
    ] = None
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONTROL",
            help="Only this control; may be repeated.",
            autocompletion=completion.control_ids,
        ),
    ] = None


@dataclass(frozen=True)
class Runs:
    """Where runs are kept."""

    runs_dir: Annotated[
        Path, typer.Option(envvar=RUNS_DIR_VARIABLE, metavar="DIR", help="Where runs are kept.")
    ] = Path("runs")


@dataclass(frozen=True)
class Output:
    """What is shown, and where."""

    format: FormatOption = Format.TEXT
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there.")
    ] = None
    everything: Annotated[
        bool, typer.Option("--all", help="Show what passes too, and nothing shortened.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False


Facts = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Judge the facts in this directory (DIR/<host>.json) and reach no node; "
        "those of a run by what it asked, unless INVENTORY, --profile or --control is given.",
    ),
]
MaxUnavailable = Annotated[
    int,
    typer.Option(
        "--max-unavailable",
        min=1,
        metavar="N",
        help="Workers that change at once; control planes go one by one.",
    ),
]
NewKey = Annotated[
    bool,
    typer.Option(
        "--new-encryption-key",
        help="Have secrets encrypted in etcd by another key than now, which then goes.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
