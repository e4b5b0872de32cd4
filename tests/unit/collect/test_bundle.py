# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.cksharden.node.plugins.module_utils.node.framing import parse
from ansible_collections.cksharden.node.plugins.plugin_utils import bundle

PYTHON = [sys.executable, "-I", "-B", "-S", "-"]
REQUEST = {
    "files": [{"path": "/etc/passwd", "parents": True}],
    "cluster": False,
    "patches_dir": None,
    "limits": {"seconds": 30, "command_seconds": 10, "file_bytes": 1000, "matches": 10},
}


def run(source: bytes, where: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        PYTHON, input=source, capture_output=True, cwd=where, env={"LC_ALL": "C"}, check=False
    )


def test_the_program_answers_in_a_frame_and_writes_nothing(tmp_path: Path) -> None:
    # A module of the working directory is not what the program imports.
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    done = run(bundle.program("collector", REQUEST, "nonce", 30), tmp_path)
    assert done.stderr == b""
    assert set(parse("nonce", done.stdout.decode("ascii"))["sections"]) == {
        "node",
        "files",
        "transactions",
        "kubelet",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["json.py"]


def test_the_program_is_ascii_and_carries_any_payload(tmp_path: Path) -> None:
    hostile = "'''\"\"\"\\ {{ lookup('pipe', 'id') }} \udcff\u2028"
    request = REQUEST | {"files": [{"path": f"/nowhere/{hostile}"}]}
    done = run(bundle.program("collector", request, "nonce", 30), tmp_path)
    sections = parse("nonce", done.stdout.decode("ascii"))["sections"]
    assert sections["files"]["status"] == "ok"


NODE = Path(bundle.__file__).parent.parent / "module_utils/node"
MAINS = {path.stem for path in NODE.glob("*.py") if "\ndef main(" in path.read_text("utf-8")}
ENTRIES = sorted(MAINS - {"agent"})  # the program of a unit


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_program_brings_all_that_it_imports_and_fits_into_a_pipe(tmp_path: Path, entry: str) -> None:
    source = bundle.program(entry, {})
    assert len(source) < 60_000
    carried, _call = source.split(b"\nfrom cksharden_node import run\n")
    imports = b"\nimport importlib\nfor name in SOURCES: importlib.import_module('cksharden_node.' + name)\n"
    done = run(carried + imports, tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unknown_entry_point_is_refused_here() -> None:
    with pytest.raises(ValueError, match="no entry point nothing"):
        bundle.program("nothing", {})


def test_the_time_limit_interrupts_a_program(tmp_path: Path) -> None:
    stuck = bundle.program("collector", REQUEST, "nonce", 1).replace(
        b"from cksharden_node import run\n",
        b"from cksharden_node import collector, run\n"
        b"import time\ncollector.main = lambda request: time.sleep(60)\n",
    )
    done = run(stuck, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(b"TimeLimitError: collector did not end within 1 s")


def test_an_old_python_is_named(tmp_path: Path) -> None:
    source = bundle.program("collector", REQUEST).replace(b"(3, 9)", b"(9, 9)")
    done = run(source, tmp_path)
    assert done.returncode == bundle.NO_PYTHON_CODE
    assert bundle.NO_PYTHON.encode() in done.stderr
    assert b"is too old" in done.stderr


def test_the_agent_is_one_readable_file() -> None:
    source = bundle.agent_source()
    assert source.isascii()
    compile(source, "agent.py", "exec")
    assert (NODE / "collector.py").read_text("utf-8") in source
