# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import stock
from benchmarks.contenders import PROFILE
from cksharden.catalog import load_controls
from cksharden.policy_files import select


def test_every_control_that_is_compared_has_a_check_that_ansible_takes(tmp_path: Path) -> None:
    controls = select(load_controls(), PROFILE).controls
    (play,) = stock.playbook(controls)
    assert {task["tags"] for task in play["tasks"][1:]} == {one.control.id for one in controls}
    assert all(task["ansible.builtin.assert"]["that"] for task in play["tasks"][2::2])
    file = tmp_path / "stock.yml"
    file.write_text(json.dumps([play]), encoding="utf-8")
    words = [str(Path(sys.executable).parent / "ansible-playbook"), "--syntax-check", "-i", "w1,", str(file)]
    subprocess.run(words, check=True, capture_output=True)
