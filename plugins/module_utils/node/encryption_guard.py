# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of a file that the API server reads again by itself: its metrics prove it, nothing restarts."""

from __future__ import annotations

import os
from typing import Any

from . import encryption_config, fsio, store
from . import static_pod_checks as checks
from .encryption_settings import POLL
from .flags import EditError
from .gate import GateError
from .journal import Journal
from .kubeapi import ApiError, own_server
from .loaded import Loaded, loaded
from .step import Step
from .system import System

_PAUSE = 2
_ATTEMPTS = 3
_REFUSALS = 3
"""An API server tries a file again at once, and ever less often; a KMS that is late takes 10 s each time."""

Survey = dict[str, Any]
"""{"problem": why nothing could be proved now, or "", "answers": bool, "refused": see Loaded}"""


class EncryptionGuard:
    """See guard.Guard: proof is that the API server runs with the bytes that lie in the file."""

    watched = 0

    def __init__(self, system: System, transaction: store.Transaction, journal: Journal) -> None:
        self._system, self._journal = system, journal
        self._gate: dict[str, Any] = transaction["gate"]
        self._path = os.path.realpath(str(self._gate["path"]))

    def survey(self) -> Survey | None:
        """See Guard. The API server gets the time of one look to read what lies there already."""
        told = self._is_named()
        found = self._ask_patiently()
        if found is None:
            return {"problem": told or "the API server does not answer", "answers": False, "refused": 0}
        survey = {"problem": told, "answers": True, "refused": found.refused}
        if not told and not found.digest:
            survey["problem"] = "the API server does not tell what it has loaded, as 1.34 and later do"
        elif not told:
            try:
                self._watch(POLL + POLL // 4)
            except GateError as reason:
                survey["problem"] = str(reason)
        return survey

    def _is_named(self) -> str:
        """Return what keeps the API server from reading the file again, "" for nothing."""
        manifest = self._system.api_server_manifest
        try:
            found = encryption_config.configuration(manifest)
        except (EditError, OSError) as reason:
            return f"{manifest} is not understood: {reason}"
        if found is None or found.path != self._path:
            return f"{manifest} does not name {self._path}"
        return "" if found.reloads else f"{manifest} does not have {self._path} read again"

    def expect(self, survey: Survey | None) -> dict[str, Any]:
        """See Guard."""
        self._before: Survey = survey or {}
        return {}

    def parts(self, steps: list[Step]) -> list[list[Step]]:
        """See Guard."""
        return [steps]

    def prepare(self, _part: list[Step]) -> None:
        """See Guard."""
        self._since = self._system.epoch_of(self._system.ticks())

    def prove(self, _part: list[Step]) -> bool:
        """See Guard."""
        self._journal.append("gating")
        if not self._before["answers"]:
            return False  # a rollback of what was not well before: nobody is there to prove it
        begun = self._system.monotonic()
        try:
            self._watch(int(self._gate["limit"]), self._before["refused"])
        except GateError as reason:
            if self._before["problem"]:
                return False
            said = self._system.pod_error_line("kube-apiserver", self._since, "encryption")
            raise GateError(f"{reason}; kube-apiserver said: {said}" if said else str(reason)) from reason
        self.watched = int(self._system.monotonic() - begun)
        return True

    def error(self) -> str | None:
        """See Guard."""
        return None

    def prove_restored(self, _recovering: bool, _changed: bool) -> bool:
        """See Guard: the old file is read, the same way."""
        try:
            self._watch(int(self._gate["limit"]))
        except GateError:
            return False
        return True

    def _watch(self, limit: int, refused: int | None = None) -> None:
        """Return when the API server has loaded what lies in the file, and serves. Raises GateError.

        limit: seconds. refused: how often it had refused before; without it that is not looked at.
        """
        try:
            wanted = fsio.digest_of(fsio.read_file(self._path))
        except OSError as reason:
            raise GateError(f"{self._path} can't be read: {reason}") from reason
        begun = self._system.monotonic()
        while True:
            told = self._look(wanted, refused)
            if not told:
                return
            if self._system.monotonic() - begun > limit:
                raise GateError(f"{told} within {limit} s")
            self._system.sleep(_PAUSE)

    def _look(self, wanted: str, refused: int | None) -> str:
        try:
            with self._system.api(self._gate["kubeconfig"], self._server()) as api:
                found = loaded(api).get("encryption", Loaded("", 0))
                if found.digest == wanted:
                    return checks.reads(api) or checks.writes(api)
        except ApiError as reason:
            return f"the API server did not answer ({reason})"
        # Counted since its start: fewer than before are those of another process.
        new = found.refused - (refused if refused is not None and refused <= found.refused else 0)
        if refused is not None and new >= _REFUSALS:
            raise GateError(f"the API server refuses {self._path}")
        return f"the API server did not load {self._path}"

    def _ask_patiently(self) -> Loaded | None:
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._system.sleep(_PAUSE)
            try:
                with self._system.api(self._gate["kubeconfig"], self._server()) as api:
                    return loaded(api).get("encryption", Loaded("", 0))
            except ApiError:
                continue
        return None

    def _server(self) -> str:
        return own_server(self._system.api_server_manifest)
