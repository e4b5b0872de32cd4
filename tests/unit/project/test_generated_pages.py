# SPDX-License-Identifier: Apache-2.0
"""What is written from the controls is not stale, and one file edited by hand adds a control everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cksharden.catalog import CONTROLS, load_controls
from docs.generate import MARKER, Benchmark, CoverageError, Section, catalogue_page, pages

ROOT = Path(__file__).parents[3]
NEW = """\
id: kubelet_profiling
title: Kubelet serves no profiles of itself
severity: low
applies_to: [control_plane, worker]
profiles: [cks]
refs: {cks: cluster-hardening}
kind: kubelet_setting
with: {key: enableProfilingHandler, equals: false, default: true}
disruption: restart_kubelet
default: enabled
why: A profile tells what the kubelet does and costs it time.
breaks: Those who profile kubelets.
examples:
  pass: [{config: {enableProfilingHandler: false}}]
  fail: [{config: {}}]
  unknown: [{error: could not be read}]
"""
FINDING = """
from cksharden.catalog import load_controls
from cksharden.evaluate import evaluate
from cksharden.kinds import KINDS
from cksharden.policy_files import select
chosen = select(load_controls(), "cks")
new = next(one for one in chosen.controls if one.control.id == "kubelet_profiling")
facts = KINDS["kubelet_setting"].example(new.spec, new.control.examples.fail[0])
found = evaluate(chosen, {"w1": facts}, run="r").findings
print([one.status.value for one in found if one.control == "kubelet_profiling"])
"""


def test_no_generated_page_is_stale() -> None:
    stale = [str(path) for path, text in pages(ROOT).items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `nox -s docs`"
    assert all(MARKER in text for text in pages(ROOT).values())


def test_an_item_of_a_benchmark_needs_a_control_or_a_reason_and_not_both() -> None:
    section = {"4.3": Section("kube-proxy", 1)}
    silent = Benchmark("B", section, {}, {})
    with pytest.raises(CoverageError, match=r"cis_1_12 4\.3\.1"):
        catalogue_page(load_controls(), {"cis_1_12": silent})
    twice = Benchmark("B", {"1.1": Section("files", 1)}, {"1.1.1": "there is none"}, {})
    with pytest.raises(CoverageError, match=r"cis_1_12 1\.1\.1"):
        catalogue_page(load_controls(), {"cis_1_12": twice})
    with pytest.raises(CoverageError, match=r"has no 9\.9\.9"):
        catalogue_page(load_controls(), {"cis_1_12": Benchmark("B", {}, {"9.9.9": "no such item"}, {})})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a control goes through, as a checkout lays it out."""
    for name in ("cksharden", "docs", "plugins", "roles"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", tmp_path)
    link = tmp_path / "ansible_collections/cksharden/node"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path)
    return tmp_path


def python(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_one_file_edited_by_hand_adds_a_control(checkout: Path) -> None:
    (checkout / CONTROLS.relative_to(ROOT) / "kubelet/kubelet_profiling.yml").write_text(NEW)

    found = python(checkout, "-c", FINDING)
    assert found.stdout == "['fail']\n", found.stderr
    explained = python(checkout, "-m", "cksharden", "explain", "kubelet_profiling")
    assert "Kubelet serves no profiles of itself" in explained.stdout

    stale = python(checkout, "docs/generate.py", "--check")
    assert stale.returncode == 1
    for page in ("docs/catalogue.md", "docs/profiles.md", "roles/kubelet/README.md"):
        assert f"{page} is stale: run `nox -s docs`" in stale.stderr
    assert "file_access" not in stale.stderr
    assert python(checkout, "docs/generate.py").returncode == 0
    assert python(checkout, "docs/generate.py", "--check").returncode == 0
    assert "### kubelet_profiling\n" in (checkout / "docs/catalogue.md").read_text()
    assert "[kubelet_profiling]" in (checkout / "docs/profiles.md").read_text()
    assert "`kubelet_profiling`" in (checkout / "roles/kubelet/README.md").read_text()
