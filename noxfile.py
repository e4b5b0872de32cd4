# SPDX-License-Identifier: Apache-2.0
"""Everything a developer or CI runs: `nox -l` lists it, CONTRIBUTING.md says when to use which.

All sessions share one environment, .nox/dev, made from requirements.lock (exact versions, with hashes) and
this checkout; what has changed in either is installed again.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import nox
from nox.command import CommandFailed

sys.path.insert(0, str(Path(__file__).resolve().parent / "molecule/shared"))

from environment import LOCK, prepare
from stages import beside, say, stage, timed

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "unit"]

ROOT = Path(__file__).resolve().parent
INVENTORY = "inventories/lab"
KNOWS_THE_LAB = {"PYTHONPATH": str(ROOT / "molecule/shared")}
# What CI runs on nodes: one fault of each class, and none of the long stories of control planes.
QUICK = "not faults and not control_plane"
QUICK_ON_LAB = f"lab and {QUICK}"
PATH = "tests/lab/test_path.py"
SURVIVAL = "tests/lab/test_survival.py"
BEFORE = "1.36.3"
# The molecule scenarios by the fresh lab that they share; what changes all nodes comes last.
SCENARIOS = (
    ("single", ("default",)),
    ("single", ("neglected",)),
    ("ha", ("file_access", "kubelet", "ha")),
)
# These change static pods, which takes minutes, on clusters that nothing else has touched: not for CI.
LONG_SCENARIOS = (("single", ("admission",)), ("ha", ("static_pods",)))
# Which tests/lab/test_NAME.py break which topology, and the node whose kubelet they break.
FAULTS = {
    "single": ("w1", ("kill_points", "apply_faults", "lock", "static_pod_*")),
    "ha": ("cp2", ("kill_points", "apply_faults", "static_pod_*", "ha_static_pods")),
}
# By file, so that what a file makes once is made once.
BOTH_CORES = ("--numprocesses", "auto", "--dist", "loadfile")
# Seconds to end by itself after Ctrl-C: a lab half made says how to go on, a run says where it stands.
PATIENCE = 60


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style, types, import layers, Ansible content: everything that can be judged by reading."""
    prepare(session)
    read_everything(session)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Write the pages that follow from the controls and the roles; `lint` fails where one is stale."""
    prepare(session)
    session.run("python", "docs/generate.py")


@nox.session(python=False)
def unit(session: nox.Session) -> None:
    """Tests that need no node. Arguments go to pytest."""
    prepare(session)
    session.run("pytest", *(session.posargs or [*BOTH_CORES, "tests/unit"]))


@nox.session(python=False)
def sanity(session: nox.Session) -> None:
    """What ansible-test thinks of the collection, on every Python here. Arguments go to ansible-test."""
    prepare(session)
    session.run("python", "tests/sanity/run.py", *session.posargs)


@nox.session(python=False)
def lab(session: nox.Session) -> None:
    """A real kubeadm cluster on this machine: `nox -s lab -- up`, `status`, `shell NODE`, `down`."""
    run_lab(session, *session.posargs)


@nox.session(python=False)
def lab_tests(session: nox.Session) -> None:
    """Tests against the lab that is up, by default those for `single`. Arguments go to pytest."""
    prepare(session)
    session.run("pytest", *(session.posargs or ["-m", QUICK_ON_LAB, "tests"]))


@nox.session(python=False)
def faults(session: nox.Session) -> None:
    """Every kill point and fault, on both topologies, into docs/faults.md; `-- -k WORDS` chooses some."""
    prepare(session)
    failed = []
    for topology, (node, names) in FAULTS.items():
        files = [path for name in names for path in sorted(ROOT.glob(f"tests/lab/test_{name}.py"))]
        every = ("-p", "tests.lab.record", *(str(path.relative_to(ROOT)) for path in files))
        run_lab(session, "up", "--fresh", "--replace", "--topology", topology)
        try:
            session.run(
                *("python", "-m", "pytest", "-m", "lab or ha", *every, *session.posargs),
                success_codes=[0, 5],  # 5: none was chosen
                env={"CKSHARDEN_FAULTS_NODE": node} | KNOWS_THE_LAB,
                interrupt_timeout=PATIENCE,
            )
        except CommandFailed:
            failed.append(topology)
    if failed:
        session.error(f"not all is well on {' and '.join(failed)}")


@nox.session(python=False)
def control_plane(session: nox.Session) -> None:
    """Long stories of control planes: encryption, kubeadm-config, a join. Arguments are topologies."""
    prepare(session)
    marked = {"single": "lab and control_plane", "ha": "ha and control_plane"}
    for topology in session.posargs or marked:
        run_lab(session, "up", "--fresh", "--replace", "--topology", topology)
        run_on_nodes(session, marked[topology], "tests")


@nox.session(python=False)
def survival(session: nox.Session) -> None:
    """A hardened cluster through a plain `kubeadm upgrade`. Arguments are topologies, by default single."""
    prepare(session)
    for topology in session.posargs or ("single",):
        run_survival(session, "survival", topology)


@nox.session(python=False)
def molecule(session: nox.Session) -> None:
    """The molecule scenarios, on fresh clusters; the last one stays. Arguments are names of scenarios."""
    prepare(session)
    with timed():
        run_scenarios(session, (*LONG_SCENARIOS, *SCENARIOS), *session.posargs)


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """What CI runs: one of each kind, what is quick first, on clusters of its own; leaves none behind."""
    prepare(session)
    with timed():
        with stage("lint"):
            read_everything(session)
        # Both wait for disks and registries half of their time, and neither measures any.
        sanity = beside(session, "ansible-test sanity", "python", "tests/sanity/run.py")
        with stage("tests that need no node, and ansible-test sanity beside them"), sanity:
            session.run("pytest", *BOTH_CORES, "-m", "not lab and not ha and not survival", "tests")
        try:
            # It makes the cluster that the other files then use. It is by itself, since pytest sorts a file
            # that is named beside its directory back into the order there.
            with stage("the story of the whole path"):
                run_on_nodes(session, "lab", PATH)
            with stage("the other tests on nodes"):
                run_on_nodes(session, QUICK_ON_LAB, f"--deselect={PATH}", "tests")
            run_scenarios(session, SCENARIOS, lab_is_fresh=True)  # the tests have left every node as it was
            with stage("the tests on three control planes"):  # those that the last scenarios have left
                run_on_nodes(session, f"ha and {QUICK}", "tests")
            with stage("the story of an upgrade, in short"):
                run_survival(session, "survival and not faults")
        finally:
            run_lab(session, "down")


@nox.session(python=False)
def demo(session: nox.Session) -> None:
    """What cksharden does, on a fresh cluster: check, plan, apply, check again, report."""
    prepare(session)
    say("A real kubeadm cluster, as kubeadm leaves it")
    run_lab(session, "up", "--fresh")
    say("What is wrong with it?")
    run_cksharden(session, "check", INVENTORY)
    say("What would change?")
    run_cksharden(session, "plan", INVENTORY)
    say("Change it, one control plane at a time, each change behind its gate")
    run_cksharden(session, "apply", INVENTORY, "--yes")
    say("And now?")
    run_cksharden(session, "check", INVENTORY)
    say("The report of the run that changed it, and how to take that back")
    run_cksharden(session, "report", "apply")
    say("The cluster is still there")
    print("look around   nox -s lab -- shell cp1")
    print("remove it     nox -s lab -- down")


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Measurements beside their goals, on the lab. Arguments go to the benchmark."""
    prepare(session)
    session.run("python", "-m", "benchmarks", *session.posargs, env=KNOWS_THE_LAB, interrupt_timeout=PATIENCE)


@nox.session
def lock(session: nox.Session) -> None:
    """Write requirements.lock anew: the newest versions that pyproject.toml allows."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--group", "dev", "--upgrade", "--quiet"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"),
        *("--custom-compile-command", "nox -s lock", "--output-file", LOCK),
    )


def read_everything(session: nox.Session) -> None:
    """Run every tool that judges the files without running them."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")
    session.run("ansible-lint")
    session.run("antsibull-changelog", "lint")
    session.run("python", "docs/generate.py", "--check")


def run_lab(session: nox.Session, *words: str) -> None:
    """Run a verb of the lab, which needs nothing but this Python."""
    print(f"\n$ nox -s lab -- {shlex.join(words)}", flush=True)
    command = (sys.executable, "-m", "lab", *words)
    session.run(*command, env=KNOWS_THE_LAB, log=False, interrupt_timeout=PATIENCE)


def run_on_nodes(session: nox.Session, marked: str, *words: str) -> None:
    """Run tests against the lab that is up, and tell which took long."""
    command = ("pytest", "-m", marked, "--durations=12", "--durations-min=5", *words)
    session.run(*command, interrupt_timeout=PATIENCE)


def run_survival(session: nox.Session, marked: str, topology: str = "single") -> None:
    """Run the story of an upgrade, or a part of it, on a fresh lab of the version before."""
    run_lab(session, "up", "--fresh", "--replace", "--topology", topology, "--kubernetes", BEFORE)
    run_on_nodes(session, marked, SURVIVAL)


def run_scenarios(
    session: nox.Session,
    groups: Iterable[tuple[str, tuple[str, ...]]],
    *wanted: str,
    lab_is_fresh: bool = False,
) -> None:
    """Run scenarios, by default all of the groups, each group on a fresh lab of its own.

    The first group takes the lab that is up where that is as good as fresh.
    """
    known = {name for _, names in (*LONG_SCENARIOS, *SCENARIOS) for name in names}
    if known != {path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")}:
        session.error("noxfile.py does not name the scenarios of molecule/")
    if not known.issuperset(wanted):
        session.error(f"the scenarios are {', '.join(sorted(known))}")
    for topology, names in groups:
        chosen = [name for name in names if not wanted or name in wanted]
        if not chosen:
            continue
        if not lab_is_fresh:
            with stage(f"a fresh lab, {topology}"):
                # Also takes the place of a lab that was left behind, and says so.
                run_lab(session, "up", "--fresh", "--replace", "--topology", topology)
        lab_is_fresh = False
        for name in chosen:
            with stage(f"molecule {name}"):
                # A run that was cut off has left notes of what is done already.
                session.run("molecule", "reset", "--scenario-name", name, silent=True)
                command = ("molecule", "test", "--no-command-borders", "--scenario-name", name)
                session.run(*command, env={"CKSHARDEN_LAB_SHARED": "yes"}, interrupt_timeout=PATIENCE)


def run_cksharden(session: nox.Session, *words: str) -> None:
    """Run cksharden as a user would; findings (exit code 1) are no failure here."""
    print(f"$ cksharden {shlex.join(words)}", flush=True)
    session.run("cksharden", *words, success_codes=[0, 1], log=False, interrupt_timeout=PATIENCE)
