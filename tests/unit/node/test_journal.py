# SPDX-License-Identifier: Apache-2.0
"""The journal: preallocated, and read for what is whole in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cksharden.node.plugins.module_utils.node import journal
from ansible_collections.cksharden.node.plugins.module_utils.node.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> str:
    made = str(tmp_path / "journal")
    journal.create(made, changes=2)
    return made


def write(path: str, *steps: str) -> None:
    log = Journal(path)
    for step in steps:
        log.append(step, {"reason": "ü\n"})
    log.close()


def test_records_are_read_back_in_order(path: str) -> None:
    assert journal.read(path) == []
    size = os.stat(path).st_size
    write(path, "begin", "checked")
    write(path, "backed_up")
    records = journal.read(path)
    assert [(record["seq"], record["step"]) for record in records] == [
        (1, "begin"),
        (2, "checked"),
        (3, "backed_up"),
    ]
    assert records[2]["data"] == {"reason": "ü\n"}
    assert os.stat(path).st_size == size == journal.ROOM + 2 * journal.ROOM_PER_CHANGE
    assert not journal.is_closed(records)


def test_a_step_that_is_none_is_a_mistake(path: str) -> None:
    with pytest.raises(ValueError, match="no step"):
        Journal(path).append("done")


def test_a_journal_is_made_once(path: str) -> None:
    with pytest.raises(FileExistsError):
        journal.create(path, changes=0)


@pytest.mark.parametrize("torn", range(2, 90, 7))
def test_a_torn_record_counts_as_not_written(path: str, torn: int) -> None:
    write(path, "begin", "checked")
    data = Path(path).read_bytes()
    end = len(data.rstrip(b"\n")) + 1
    Path(path).write_bytes(data[: end - torn] + b"\n" * torn + data[end:])
    assert [record["step"] for record in journal.read(path)] == ["begin"]
    write(path, "refused")
    assert [record["step"] for record in journal.read(path)] == ["begin", "refused"]


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([b"\n", b"\0", b"x"]))
def test_whatever_is_torn_no_record_is_invented(begin: float, end: float, filler: bytes) -> None:
    steps = ["begin", "checked", "swapping", "swapped"]
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory, "journal")
        journal.create(str(made), changes=0)
        write(str(made), *steps)
        text = bytearray(made.read_bytes())
        used = len(text.rstrip(b"\n"))
        first, last = sorted((int(begin * used), int(end * used)))
        text[first:last] = filler * (last - first)
        made.write_bytes(text)
        found = [record["step"] for record in journal.read(str(made))]
        assert [step for step in steps if step in found] == found
        write(str(made), "closed")
        assert journal.is_closed(journal.read(str(made)))
